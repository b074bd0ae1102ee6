import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  float32,
  GraphBuilder,
  int64,
  type Model,
  readModel,
  stateOf,
  stepSignature,
  type Tensor,
  type Value,
} from '@neuroprune/onnx';
import { describe, expect, it } from 'vitest';
import { evaluate } from '../test/evaluate.js';
import { gradients } from './gradients.js';
import { sgd, sgdScalars } from './optim/sgd.js';
import { initialState } from './state.js';
import { trainable } from './trainable.js';

// Models as exporters write them, and PyTorch's gradients: tools/golden/make_exported.py.
const folder = fileURLToPath(new URL('../fixtures/exported/', import.meta.url));

interface Stored {
  readonly dtype: 'float32' | 'int64';
  readonly dims: readonly number[];
  /** Base64 of little-endian elements. */
  readonly data: string;
}
interface Golden {
  readonly inputs: Readonly<Record<string, Stored>>;
  readonly logits: Stored;
  readonly gradients: Readonly<Record<string, Stored>>;
  readonly losses?: readonly number[];
  /** For each file, which parameters an initializer holds, along the last axis. */
  readonly initializers: Readonly<
    Record<string, Readonly<Record<string, { parameters: readonly string[]; transposed: boolean }>>>
  >;
}

const goldenOf = (name: string): Golden => JSON.parse(readFileSync(`${folder}${name}.json`, 'utf8')) as Golden;

function tensorOf({ dtype, dims, data }: Stored): Tensor {
  const { buffer } = Uint8Array.from(Buffer.from(data, 'base64'));
  return dtype === 'int64' ? int64(new BigInt64Array(buffer), dims) : float32(new Float32Array(buffer), dims);
}

function turned({ dims, data }: Tensor): Tensor {
  const [rows, columns] = dims as [number, number];
  const elements = Array.from({ length: rows * columns }, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]);
  return float32(elements as number[], [columns, rows]);
}

/** The norm of the difference over the norm of what is expected; keys' biases have no gradient but for rounding. */
function difference(got: Tensor | undefined, want: ArrayLike<number>): number {
  const norm = (values: readonly number[]) => Math.hypot(...values);
  const expected = Array.from(want);
  return norm(expected.map((v, i) => Number(got?.data[i]) - v)) / Math.max(norm(expected), 1e-2);
}

/** The recorded inputs in the model's order: exporters give them names of their own. */
function inputsOf({ graph }: Model, { inputs }: Golden): Record<string, Tensor> {
  const given = Object.values(inputs);
  return Object.fromEntries(graph.inputs.map((v, i) => [v.name, tensorOf(given[i] as Stored)]));
}

/** With the objective Σ u·logits. */
function withObjective(model: Model, dims: readonly number[]): Model {
  const builder = new GraphBuilder(model.graph);
  const { op } = builder;
  const weighed = op.Mul(model.graph.outputs[0] as Value, builder.input('u', 'float32', dims));
  builder.output(op.ReduceSum(weighed, undefined, { keepdims: 0 }), 'objective');
  return model;
}

/** Cross entropies of five steps of SGD. */
async function losses(model: Model, golden: Golden): Promise<number[]> {
  const wrt = Object.keys(golden.initializers.legacy ?? {}).filter((name) =>
    model.graph.initializers.some((v) => v.name === name),
  );
  const step = trainable(model, { loss: 'crossEntropy', optimizer: sgd() });
  const signature = stepSignature(step);
  expect(signature.stacks.flatMap((stack) => stack.members)).toEqual(expect.arrayContaining(wrt));
  const state = initialState(model, signature);
  const all = sgdScalars({ lr: 0.1 });
  const found: number[] = [];
  for (let i = 0; i < 5; i++) {
    const results = await evaluate(step, {
      ...{ ...inputsOf(model, golden), labels: int64([2, 0]), weights: float32([1, 1]) },
      ...Object.fromEntries(Object.entries(all).map(([name, v]) => [name, float32([v], [])])),
      ...Object.fromEntries(state),
    });
    found.push(Number(results.loss?.data[0]));
    for (const { input, output } of stateOf(signature)) state.set(input, results[output] as Tensor);
  }
  return found;
}

const files = ['bert-legacy', 'bert-fused', 'bert-dynamo', 'gpt2-legacy', 'gpt2-fused'].map(
  (file) => [file, ...(file.split('-') as [string, string])] as const,
);

describe('gradients of exported models agree with PyTorch', () => {
  it.each(files)('%s', async (file, name, how) => {
    const golden = goldenOf(name);
    const known = Object.entries(golden.initializers[how] ?? {});
    const model = await readModel(`${folder}${file}.onnx`);
    const given = inputsOf(model, golden);
    const whole = gradients(withObjective(model, golden.logits.dims), {
      of: 'objective',
      wrt: known.map(([initializer]) => initializer),
    });
    const results = await evaluate(whole, { ...given, u: tensorOf(golden.inputs.u as Stored) });
    const logits = results[model.graph.outputs[0]?.name ?? ''];
    expect(difference(logits, tensorOf(golden.logits).data as Float32Array)).toBeLessThan(1e-5);
    expect(known.flatMap(([, { parameters }]) => parameters)).toHaveLength(Object.keys(golden.gradients).length);
    for (const [initializer, { parameters, transposed }] of known) {
      const parts = parameters.map((p) => tensorOf(golden.gradients[p] as Stored));
      const want = parts.flatMap((t) => Array.from((transposed ? turned(t) : t).data as Float32Array));
      expect(difference(results[`grad.${initializer}`], want), initializer).toBeLessThan(1e-5);
    }
  });
});

it.each(['bert-legacy', 'bert-fused', 'bert-dynamo'])('%s takes the steps that PyTorch takes', async (file) => {
  const golden = goldenOf('bert');
  const found = await losses(await readModel(`${folder}${file}.onnx`), golden);
  for (const [i, loss] of (golden.losses ?? []).entries()) expect(found[i]).toBeCloseTo(loss, 5);
  expect(found).toHaveLength(golden.losses?.length ?? 0);
});
