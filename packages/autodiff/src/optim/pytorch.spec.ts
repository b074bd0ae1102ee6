import { readFileSync } from 'node:fs';
import {
  float32,
  GraphBuilder,
  int64,
  type Model,
  modelOf,
  sizeOf,
  stateOf,
  stepSignature,
  type Tensor,
} from '@neuroprune/onnx';
import { describe, expect, it } from 'vitest';
import { evaluate } from '../../test/evaluate.js';
import { initialState, parametersOf } from '../state.js';
import { type TrainableOptions, trainable } from '../trainable.js';
import { adamw, adamwScalars } from './adamw.js';
import { clipByGlobalNorm, clipByValue } from './clip.js';
import { ema, emaScalars } from './ema.js';
import { chain } from './optimizer.js';
import { sgd, sgdScalars } from './sgd.js';

// Steps that PyTorch took: tools/golden/make_optimizers.py.
const golden = JSON.parse(readFileSync(new URL('../../fixtures/optimizers.json', import.meta.url), 'utf8')) as Golden;

/** Base64 of little-endian float32. */
type Encoded = string;
interface Golden {
  readonly lr: number;
  readonly decay: number;
  readonly names: Readonly<Record<string, readonly number[]>>;
  readonly initial: Encoded;
  readonly batches: readonly (Readonly<Record<'ids' | 'mask' | 'labels', readonly number[]>> &
    Readonly<Record<'weights' | 'teacher' | 'hidden', Encoded>>)[];
  readonly runs: Readonly<
    Record<
      string,
      { readonly losses: Encoded; readonly parameters: Encoded; readonly norms?: Encoded; readonly averages?: Encoded }
    >
  >;
  readonly scaling: readonly (Readonly<
    Record<'init_scale' | 'growth_factor' | 'backoff_factor' | 'growth_interval', number>
  > & { readonly bad: readonly number[]; readonly scales: readonly number[] })[];
}

const decode = (text: Encoded): Float32Array => new Float32Array(Uint8Array.from(Buffer.from(text, 'base64')).buffer);

/** Numbers of all parameters, one after another, as tensors by name. */
function cut(flat: Float32Array): Record<string, Tensor> {
  const ends: number[] = [];
  for (const dims of Object.values(golden.names)) ends.push((ends.at(-1) ?? 0) + sizeOf(dims));
  return Object.fromEntries(
    Object.entries(golden.names).map(([name, dims], i) => [name, float32(flat.slice(ends[i - 1] ?? 0, ends[i]), dims)]),
  );
}

/** logits = W₂·mean over attended tokens of tanh(W₁·embedding + b₁) + b₂. */
function network(): Model {
  const builder = new GraphBuilder();
  const { op } = builder;
  const ids = builder.input('ids', 'int64', ['batch', 'sequence']);
  const mask = op.Unsqueeze(
    op.Cast(builder.input('attention_mask', 'int64', ['batch', 'sequence']), { to: 1 }),
    builder.ints(2),
  );
  const p = Object.fromEntries(
    Object.entries(cut(decode(golden.initial))).map(([name, t]) => [name, builder.initializer(name, t)]),
  );
  const linear = (x: ReturnType<typeof builder.input>, layer: string) =>
    op.Add(op.MatMul(x, op.Transpose(p[`${layer}.weight`]!, { perm: [1, 0] })), p[`${layer}.bias`]!);
  const hidden = op.Tanh(linear(op.Gather(p['words.weight']!, ids), 'first')); // [batch, sequence, 4]
  const sum = (x: typeof hidden) => op.ReduceSum(x, builder.ints(1), { keepdims: 0 });
  builder.output(linear(op.Div(sum(op.Mul(hidden, mask)), sum(mask)), 'second'), 'logits');
  builder.output(hidden, 'hidden');
  return modelOf(builder.graph);
}

const batches = golden.batches.map((b) => ({
  ids: int64(b.ids, [4, 3]),
  attention_mask: int64(b.mask, [4, 3]),
  labels: int64(b.labels),
  weights: float32(decode(b.weights)),
  'teacher.logits': float32(decode(b.teacher), [4, 3]),
  'teacher.hidden': float32(decode(b.hidden), [4, 3, 4]),
}));

/** All parameters as PyTorch lists them. */
const flat = (parameters: ReadonlyMap<string, Float32Array>): Float32Array =>
  Float32Array.from(Object.keys(golden.names).flatMap((name) => [...(parameters.get(name) as Float32Array)]));

/** What every step gave, in the order in which the fixture holds it. */
async function train(options: Partial<TrainableOptions>, scalars: Record<string, number>, micro: number) {
  const model = network();
  const step = trainable(model, { loss: 'crossEntropy', noDecay: '*.bias', ...options });
  const signature = stepSignature(step);
  const state = initialState(model, signature);
  const made = { losses: [] as number[], norms: [] as number[], parameters: [] as number[], averages: [] as number[] };
  for (const [i, batch] of batches.entries()) {
    const applied = i % micro === micro - 1;
    const all: Record<string, number> = { ...scalars, share: 1 / micro, apply: Number(applied) };
    const numbers = signature.scalars.map((name) => [name, float32([all[name] as number], [])]);
    const results = await evaluate(step, { ...batch, ...Object.fromEntries(numbers), ...Object.fromEntries(state) });
    for (const { input, output } of stateOf(signature)) state.set(input, results[output] as Tensor);
    made.losses.push(results.loss?.data[0] as number);
    if (!applied) continue;
    if (results.grad_norm) made.norms.push(results.grad_norm.data[0] as number);
    made.parameters.push(...flat(parametersOf(state, signature)));
    if (signature.copies.includes('ema')) made.averages.push(...flat(parametersOf(state, signature, 'ema')));
  }
  return made;
}

/** Largest difference of a step, relative to the norm of the step's numbers. */
function worst(got: readonly number[], want: Float32Array, length: number): number {
  expect(got).toHaveLength(want.length);
  const norm = (values: readonly number[]) => Math.hypot(...values);
  return Math.max(
    ...Array.from({ length: want.length / length }, (_, i) => {
      const expected = [...want.subarray(i * length, (i + 1) * length)];
      return norm(expected.map((x, j) => x - (got[i * length + j] as number))) / norm(expected);
    }),
  );
}

const adam = adamwScalars({ lr: golden.lr, weightDecay: golden.decay });
const plain = sgdScalars({ lr: golden.lr });
const decayed = sgdScalars({ lr: golden.lr, weightDecay: golden.decay });
const classWeights = [0.5, 2, 1.25];

interface Recipe extends Partial<TrainableOptions> {
  readonly scalars: Record<string, number>;
  readonly micro?: number;
}

const recipes: Readonly<Record<string, Recipe>> = {
  sgd: { optimizer: sgd(), scalars: decayed, noDecay: [] },
  momentum: { optimizer: sgd({ momentum: 0.9 }), scalars: decayed, noDecay: [] },
  nesterov: { optimizer: sgd({ momentum: 0.9, nesterov: true }), scalars: plain },
  adamw: { scalars: adam },
  'adamw with rates': { rates: { 'words.*': 0, 'first.*': 0.5 }, scalars: adam },
  'adamw with betas': {
    optimizer: adamw({ beta1: 0.8, beta2: 0.95 }),
    scalars: adamwScalars({ lr: golden.lr, weightDecay: golden.decay, eps: 1e-3 }),
  },
  'clip by norm': { optimizer: chain(clipByGlobalNorm(0.3), adamw()), scalars: adam },
  'clip by value': { optimizer: chain(clipByValue(0.05), sgd()), scalars: plain },
  average: { optimizer: chain(adamw(), ema()), scalars: { ...adam, ...emaScalars({ decay: 0.8 }) } },
  accumulation: {
    optimizer: chain(clipByGlobalNorm(0.3), adamw()),
    accumulate: true,
    scalars: adam,
    micro: 2,
  },
  'label smoothing': { optimizer: sgd(), loss: { name: 'crossEntropy', labelSmoothing: 0.2 }, scalars: plain },
  'class weights': { optimizer: sgd(), loss: { name: 'crossEntropy', classWeights }, scalars: plain },
  'smoothing and class weights': {
    optimizer: sgd(),
    loss: { name: 'crossEntropy', labelSmoothing: 0.2, classWeights },
    scalars: plain,
  },
  distillation: { optimizer: sgd(), distill: { weight: 0.75, temperature: 2.5 }, scalars: plain },
  'hidden states': { optimizer: sgd(), distill: { hidden: { hidden: 0.5 } }, scalars: plain },
  'both of a teacher': { distill: { weight: 0.5, temperature: 4, hidden: { hidden: 0.25 } }, scalars: adam },
};

describe('steps agree with PyTorch', () => {
  it('in every recipe of the fixture, no two of which are alike', () => {
    expect(Object.keys(recipes)).toEqual(Object.keys(golden.runs));
    expect(new Set(Object.values(golden.runs).map((run) => JSON.stringify(run))).size).toBe(
      Object.keys(recipes).length,
    );
  });

  it.each(Object.entries(recipes))('%s', async (name, { scalars, micro = 1, ...options }) => {
    const { losses, parameters, norms, averages } = golden.runs[name]!;
    const got = await train(options, scalars, micro);
    const size = flat(
      new Map(Object.entries(cut(decode(golden.initial))).map(([n, t]) => [n, t.data as Float32Array])),
    );
    expect(worst(got.losses, decode(losses), 1)).toBeLessThan(1e-6);
    expect(worst(got.parameters, decode(parameters), size.length)).toBeLessThan(1e-6);
    if (norms) expect(worst(got.norms, decode(norms), 1)).toBeLessThan(1e-6);
    if (averages) expect(worst(got.averages, decode(averages), size.length)).toBeLessThan(1e-6);
  });
});

describe('the loss scale moves as GradScaler’s', () => {
  it.each(golden.scaling)('from $init_scale by $growth_factor after $growth_interval', async (row) => {
    const builder = new GraphBuilder();
    const x = builder.input('x', 'float32', ['batch']);
    const product = builder.op.Mul(builder.initializer('w', float32([0.5])), x);
    builder.output(builder.op.ReduceSum(product, undefined, { keepdims: 0 }), 'cost');
    const model = modelOf(builder.graph);
    const { init_scale: initial, growth_factor: growth, backoff_factor: backoff, growth_interval: interval } = row;
    const lossScaling = { initial, growth, backoff, interval };
    const step = trainable(model, { loss: { output: 'cost' }, precision: 'fp16', lossScaling, optimizer: sgd() });
    const signature = stepSignature(step);
    const state = initialState(model, signature);
    const [scales, skipped, weights]: number[][] = [[], [], []];
    for (const bad of row.bad) {
      const numbers = { step_size: float32([2 ** -10], []), decay: float32([1], []) };
      const batch = { x: float32([bad ? Number.POSITIVE_INFINITY : 1]) };
      const results = await evaluate(step, { ...batch, ...numbers, ...Object.fromEntries(state) });
      for (const { input, output } of stateOf(signature)) state.set(input, results[output] as Tensor);
      scales!.push(results.loss_scale?.data[0] as number);
      skipped!.push(results.skipped?.data[0] as number);
      weights!.push(parametersOf(state, signature).get('w')![0]!);
    }
    expect(scales).toEqual(row.scales);
    expect(skipped).toEqual(row.bad);
    // The gradient is 1 whatever the scale, and only good steps are taken.
    expect(weights).toEqual(row.bad.map((_, i) => 0.5 - row.bad.slice(0, i + 1).filter((b) => !b).length / 1024));
  });
});
