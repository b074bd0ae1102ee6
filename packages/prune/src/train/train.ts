import { performance } from 'node:perf_hooks';
import {
  adamwScalars,
  coefficientInput,
  dropoutScalars,
  initialState,
  parametersOf,
  type TrainableOptions,
  trainable,
} from '@neuroprune/autodiff';
import { type Model, type StepSignature, stepSignature, type Tensor, tensor } from '@neuroprune/onnx';
import { type Batch, createTraining, type ScalarVectors, type Training } from '@neuroprune/runtime';
import { PruneError } from '../errors.js';
import { liveHeadCount } from '../heads/attention-layer.js';
import type { HeadRemoval } from '../heads/eliminate.js';
import { countWeights, countZeros, matricesOf, type PrunableLayer } from '../layer.js';
import { prunableLayers } from '../prunable-layer.js';
import { chunkSize } from './chunks.js';
import { Meter } from './meter.js';
import { type Pruner, prunerOf } from './pruner.js';
import type { BatchList, TrainContext, TrainEvent, TrainRequest, TrainResult } from './request.js';
import { learningRate } from './schedule.js';

/**
 * Trains a model with AdamW, pruning on the way as the method says. Chunks of steps run on the device; between them, at
 * the method's events, the host prunes the state in place. Rejects with the signal's reason when aborted.
 */
export async function train(request: TrainRequest, context: TrainContext = {}): Promise<TrainResult> {
  const plan = planOf(request);
  const pruner = prunerOf(request.method, request.groups, { steps: plan.steps, epochSteps: plan.epochSteps });
  const step = stepGraph(request, pruner);
  const signature = stepSignature(step);
  const state = initialState(request.model, signature);
  const start = densityOf(prunableLayers(request.groups, parametersOf(state, signature)));
  await using training = await createTraining(step, state, request.session);
  const run = new Run(request, plan, pruner, training, context, start);
  while (run.done < plan.steps) await run.chunk();
  return await run.result(); // before the session is disposed of
}

/** How long a run is. */
interface Plan {
  readonly steps: number;
  readonly epochSteps: number;
}

function planOf({ batches, epochs, maxSteps }: TrainRequest): Plan {
  const epochSteps = batches(0).length;
  const steps = Math.min(Math.round(epochSteps * epochs), maxSteps ?? Number.POSITIVE_INFINITY);
  if (!(Number.isInteger(steps) && steps >= 1)) {
    const got = `${epochs} epochs of ${epochSteps} batches${maxSteps === undefined ? '' : ` and at most ${maxSteps}`}`;
    throw new PruneError(`training: expected a whole number of steps from 1, got ${got}`, 'input');
  }
  return { steps, epochSteps };
}

/** How much of the prunable layers is left. */
type Density = Pick<TrainEvent, 'sparsity' | 'heads'>;

function densityOf(layers: readonly PrunableLayer[]): Density {
  const matrices = matricesOf(layers);
  return { sparsity: countZeros(matrices) / countWeights(matrices), heads: liveHeadCount(layers) };
}

function stepGraph({ model, loss, dropout }: TrainRequest, { masked, terms }: Pruner): Model {
  const options: TrainableOptions = { loss, dropout, masked, ...(terms ? { terms } : {}) };
  return trainable(model, options);
}

/** A run under way. */
class Run {
  done = 0;
  private readonly meter: Meter;
  private readonly removals: HeadRemoval[] = [];
  private epochBatches: BatchList = [];
  private epoch = -1;
  private loss = Number.NaN;

  constructor(
    private readonly request: TrainRequest,
    private readonly plan: Plan,
    private readonly pruner: Pruner,
    private readonly training: Training,
    private readonly context: TrainContext,
    private density: Density,
  ) {
    this.meter = new Meter(request.maxLength);
  }

  /** Takes the next steps, then what the method does after them. */
  async chunk(): Promise<void> {
    this.context.signal?.throwIfAborted();
    const count = chunkSize(this.done, this.plan.steps, this.pruner.events, this.meter.lastStepMs);
    const batches = Array.from({ length: count }, (_, i) => this.batch(this.done + i));
    const started = performance.now();
    const results = await this.training.run(batches, this.scalars(count));
    this.meter.add(batches, performance.now() - started);
    this.done += count;
    this.checkLoss(results);
    if (this.pruner.events.includes(this.done)) await this.prune();
    this.report(results);
  }

  async result(): Promise<TrainResult> {
    const { meter, removals, loss } = this;
    const tensors = await this.training.withState((state) =>
      tensorsOf(this.training.signature, parametersOf(state, this.training.signature)),
    );
    return {
      tensors,
      steps: this.done,
      seconds: meter.seconds,
      stepMs: meter.stepMs,
      tokens: meter.tokens,
      computedTokens: meter.computedTokens,
      paddedTokens: meter.paddedTokens,
      removals,
      loss,
    };
  }

  private batch(step: number): Batch {
    const epoch = Math.floor(step / this.plan.epochSteps);
    if (epoch !== this.epoch) {
      this.epoch = epoch;
      this.epochBatches = this.request.batches(epoch);
      const { length } = this.epochBatches;
      if (length !== this.plan.epochSteps)
        throw new PruneError(`internal: epoch ${epoch}: expected ${this.plan.epochSteps} batches, got ${length}`);
    }
    return this.epochBatches.at(step % this.plan.epochSteps) as Batch;
  }

  /** Each scalar input's numbers for the next steps. */
  private scalars(count: number): ScalarVectors {
    const steps = Array.from({ length: count }, (_, i) => this.scalarsOf(this.done + i + 1));
    return Object.fromEntries(
      this.training.signature.scalars.map((name) => [
        name,
        Float32Array.from(steps, (values) => values[name] ?? Number.NaN),
      ]),
    );
  }

  /** All scalars of one step, counted from 1. */
  private scalarsOf(step: number): Record<string, number> {
    const { weightDecay, seed } = this.request;
    const coefficients = Object.entries(this.pruner.coefficients).map(([term, value]) => [
      coefficientInput(term),
      value,
    ]);
    return {
      ...adamwScalars({ lr: this.lr(step), step, weightDecay }),
      ...dropoutScalars(seed, step),
      ...Object.fromEntries(coefficients),
    };
  }

  private lr(step: number): number {
    return learningRate(step, { ...this.request, steps: this.plan.steps });
  }

  private checkLoss({ loss }: Record<string, Float32Array>): void {
    const at = loss?.findIndex((value) => !Number.isFinite(value)) ?? 0;
    if (at < 0) return;
    const step = this.done - (loss?.length ?? 0) + at + 1;
    throw new PruneError(
      `training: expected a finite loss, got ${loss?.[at]} at step ${step}; lower the learning rate`,
    );
  }

  private async prune(): Promise<void> {
    await this.training.withState((state) => {
      const layers = prunableLayers(this.request.groups, parametersOf(state, this.training.signature));
      this.removals.push(...this.pruner.apply(this.done, layers));
      this.density = densityOf(layers);
    });
  }

  private report({ loss, ...penalties }: Record<string, Float32Array>): void {
    this.loss = mean(loss);
    const event: TrainEvent = {
      type: 'train',
      step: this.done,
      steps: this.plan.steps,
      epoch: this.done / this.plan.epochSteps,
      loss: this.loss,
      penalties: Object.fromEntries(Object.entries(penalties).map(([name, values]) => [name, mean(values)])),
      lr: this.lr(this.done),
      ...this.density,
      examplesPerSecond: this.meter.examplesPerSecond,
    };
    this.context.onEvent?.(event);
  }
}

const mean = (values: Float32Array | undefined): number =>
  values ? values.reduce((a, b) => a + b, 0) / values.length : Number.NaN;

/** Copies of all parameters, each with its shape. */
function tensorsOf(signature: StepSignature, parameters: ReadonlyMap<string, Float32Array>): Map<string, Tensor> {
  return new Map(
    signature.stacks.flatMap(({ members, shape }) =>
      members.map((name) => [name, tensor('float32', shape, (parameters.get(name) as Float32Array).slice())] as const),
    ),
  );
}
