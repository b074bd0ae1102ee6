import {
  AutodiffError,
  adamw,
  chain,
  clipByGlobalNorm,
  ema,
  type Optimizer,
  type TrainableOptions,
  trainable,
} from '@neuroprune/autodiff';
import type { Model } from '@neuroprune/onnx';
import { stackLimit } from '@neuroprune/runtime';
import { PruneError } from '../errors.js';
import { layerRates } from './layer-rates.js';
import type { Pruner } from './pruner.js';
import type { TrainRequest } from './request.js';

/** Dropout masks made as one on a GPU, whose every node takes time; WebGPU has no buffers for more. A processor has its cache for one. */
const MASKS_ON_GPU = 7;

/** The step graph of a request. Throws an input error for what cannot be trained so. */
export function stepGraph(request: TrainRequest, { masked, terms }: Pruner): Model {
  check(request);
  const { model, groups, dropout, freeze, accumulate = 1, layerDecay, precision, distill, onNan } = request;
  const optimizer = optimizerOf(request);
  const { device = 'auto' } = request.session ?? {};
  const limit = stackLimit(device);
  const options: TrainableOptions = {
    loss: lossOf(request),
    dropout,
    masked,
    ...(freeze?.length ? { frozen: freeze } : {}),
    ...(onNan === 'skip' ? { guard: 'skip' } : { gradNorm: true }),
    ...(terms ? { terms } : {}),
    ...(optimizer ? { optimizer } : {}),
    ...(accumulate > 1 ? { accumulate: true } : {}),
    ...(layerDecay === undefined ? {} : { rates: layerRates(model, groups, layerDecay) }),
    ...(precision === undefined ? {} : { precision }),
    ...(distill ? { distill } : {}),
    ...(limit === undefined ? {} : { stackLimit: limit }),
    ...(device === 'auto' || device === 'cpu' ? {} : { masksTogether: MASKS_ON_GPU }),
  };
  return made(() => trainable(model, options));
}

/** Clipping before AdamW, averages after it; undefined where AdamW is all. */
function optimizerOf({ maxGradNorm, ema: decay }: TrainRequest): Optimizer | undefined {
  if (maxGradNorm === undefined && decay === undefined) return undefined;
  return chain(
    ...(maxGradNorm === undefined ? [] : [clipByGlobalNorm(maxGradNorm)]),
    adamw(),
    ...(decay === undefined ? [] : [ema()]),
  );
}

function lossOf({ loss, labelSmoothing, classWeights }: TrainRequest): TrainableOptions['loss'] {
  if (loss === 'meanSquaredError' || (labelSmoothing === undefined && classWeights === undefined)) return loss;
  return {
    name: loss,
    ...(labelSmoothing === undefined ? {} : { labelSmoothing }),
    ...(classWeights === undefined ? {} : { classWeights }),
  };
}

/** What the builder of graphs, which alone knows what patterns mean, says of them, and what of it the user can mend. */
const refusals: readonly (readonly [RegExp, string])[] = [
  [/frozen: (expected to match a parameter, got .*)$/, '$1'],
  [
    /masked: expected names of trained parameters, got '(.*)'$/,
    'expected what is to be pruned to train, got $1 frozen',
  ],
  [/trainable: expected a parameter to train .*$/, 'expected parameters left to train, got none'],
];

function made(build: () => Model): Model {
  try {
    return build();
  } catch (cause) {
    const message = cause instanceof AutodiffError ? cause.message.replace(/^autodiff: /, '') : '';
    const [pattern, meaning] = refusals.find(([text]) => text.test(message)) ?? [];
    if (!pattern || meaning === undefined) throw cause;
    throw new PruneError(`freeze: ${message.replace(pattern, meaning)}`, 'input', { cause });
  }
}

function check({
  loss,
  labelSmoothing,
  classWeights,
  ema: decay,
  precision,
  session,
  distill,
  teacher,
}: TrainRequest): void {
  const refuse = (message: string): never => {
    throw new PruneError(message, 'input');
  };
  if (loss === 'meanSquaredError' && (labelSmoothing !== undefined || classWeights !== undefined))
    refuse('label smoothing and class weights: expected classes, got scores');
  if (loss !== 'crossEntropy' && loss !== 'meanSquaredError' && classWeights !== undefined)
    refuse('class weights: expected classes, got the words of texts');
  if (loss === 'meanSquaredError' && (distill?.weight ?? 0) > 0)
    refuse('distillation of logits: expected classes, got scores; distil hidden states alone');
  if (decay !== undefined && !(decay >= 0 && decay < 1))
    refuse(`ema: expected a decay from 0 to below 1, got ${decay}`);
  if (precision === 'bf16' && session?.device === 'webgpu')
    refuse('precision: expected fp32 or fp16 on webgpu, got bf16, a type that WebGPU has not');
  if (precision === 'bf16' && (session?.device ?? 'cpu') === 'cpu')
    refuse("precision: expected fp32 or fp16 on cpu, got bf16, which ONNX Runtime's cpu provider cannot multiply in");
  if ((distill === undefined) !== (teacher === undefined))
    refuse(`distillation: expected a teacher and what to learn from it, got only one of them`);
}
