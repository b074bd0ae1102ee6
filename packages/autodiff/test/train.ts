/** A small network, its data, and training of it in ONNX Runtime a step at a time. */
import {
  float32,
  GraphBuilder,
  int64,
  type Model,
  modelOf,
  stateOf,
  stepSignature,
  type Tensor,
} from '@neuroprune/onnx';
import { expect } from 'vitest';
import { initialState, parametersOf, type State } from '../src/state.js';
import { type TrainableOptions, trainable } from '../src/trainable.js';
import { evaluate, randomOf } from './evaluate.js';

const random = randomOf(11);
export const noise = (dims: number[]) =>
  float32(
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random() - 0.5),
    dims,
  );

export const start = { 'layer.0.weight': noise([4, 4]), 'layer.0.bias': noise([4]), 'layer.1.weight': noise([2, 4]) };

/** Two linear layers. */
export function network(): Model {
  const builder = new GraphBuilder();
  const { op } = builder;
  const x = builder.input('x', 'float32', ['batch', 4]);
  const [first, bias, second] = Object.entries(start).map(([name, t]) =>
    builder.initializer(name, float32(t.data.slice(), t.dims)),
  );
  builder.output(
    op.Gemm(op.Tanh(op.Gemm(x, first!, bias!, { transB: 1 })), second!, undefined, { transB: 1 }),
    'logits',
  );
  return modelOf(builder.graph);
}

export type Numbers = Record<string, number>;
export interface Micro {
  readonly x: Tensor;
  readonly labels: Tensor;
  readonly weights: Tensor;
}

const rows = Array.from({ length: 8 }, (_, i) => ({
  x: Array.from({ length: 4 }, () => 2 * random() - 1),
  label: i % 2,
}));
/** Rows `from` to `to` of the data, with rows of weight 0 after them. */
export function batchOf(from: number, to: number, filler = 0): Micro {
  const part = rows.slice(from, to);
  const fill = Array.from({ length: filler }, () => ({ x: [9, -9, 9, 9], label: 0 }));
  const all = [...part, ...fill];
  return {
    x: float32(
      all.flatMap((r) => r.x),
      [all.length, 4],
    ),
    labels: int64(all.map((r) => r.label)),
    weights: float32(all.map((_, i) => Number(i < part.length))),
  };
}
export const whole = batchOf(0, 8);

/** Takes a step a batch; returns the state and what each step reported. */
export async function train(
  options: Partial<TrainableOptions>,
  steps: readonly (Micro & { numbers?: Numbers })[],
  numbers: Numbers,
  model = network(),
) {
  const step = trainable(model, { loss: 'crossEntropy', ...options });
  const signature = stepSignature(step);
  const state: State = initialState(model, signature);
  const results: Numbers[] = [];
  for (const { numbers: own, ...batch } of steps) {
    const all: Numbers = { ...numbers, ...own };
    const scalars = Object.fromEntries(signature.scalars.map((name) => [name, float32([all[name] ?? Number.NaN], [])]));
    const outputs = await evaluate(step, { ...batch, ...scalars, ...Object.fromEntries(state) });
    results.push(Object.fromEntries(signature.results.map((name) => [name, outputs[name]!.data[0] as number])));
    for (const { input, output } of stateOf(signature)) state.set(input, outputs[output]!);
  }
  const weights = Object.fromEntries([...parametersOf(state, signature)].map(([name, w]) => [name, [...w]]));
  return { state, signature, results, weights, step };
}

export const repeat = (count: number, batch: Micro = whole) => Array.from({ length: count }, () => batch);
export const snapshot = (state: State) =>
  Object.fromEntries([...state].map(([name, { data }]) => [name, [...(data as Float32Array)]]));

export function expectClose(
  got: Record<string, readonly number[]>,
  want: Record<string, readonly number[]>,
  tolerance = 1e-6,
): void {
  expect(Object.keys(got).sort()).toEqual(Object.keys(want).sort());
  for (const [name, values] of Object.entries(want))
    values.forEach((x, i) => void expect(Math.abs(got[name]![i]! - x), `${name}[${i}]`).toBeLessThan(tolerance));
}
