import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import {
  adamw,
  adamwScalars,
  chain,
  clipByGlobalNorm,
  initialState,
  parametersOf,
  type State,
  trainable,
} from '@neuroprune/autodiff';
import { loadModel, readSafetensors } from '@neuroprune/models';
import { float32, type Model, stateOf, stepSignature, type Tensor, writeModel } from '@neuroprune/onnx';
import { type Batch, createTraining } from '@neuroprune/runtime';
import ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { root } from './workspace.js';

const models = path.resolve(root, '../shared/hub/models/tiny-random');

interface Golden {
  readonly adamw: {
    readonly lr: number;
    readonly weight_decay: number;
    readonly steps: number;
    readonly losses_f64: number[];
    readonly lr_of_step?: string;
  };
  readonly adamw_clip_linear: Golden['adamw'] & {
    readonly clip_grad_norm: number;
    readonly grad_norms_before_clip_f64: number[];
  };
  readonly rounding_only_gradient_parameters: readonly string[];
}

const toOrt = ({ dtype, data, dims }: Tensor) => new ort.Tensor(dtype as 'float32', data as Float32Array, [...dims]);

/** The rate of a step, counted from 1; a falling one ends at 0 after the last. */
const rate = ({ lr, lr_of_step, steps }: Golden['adamw'], step: number): number =>
  lr_of_step ? Math.max(0, (lr * (steps + 1 - step)) / steps) : lr;

/** Takes a step graph's steps on one batch, one run a step; returns the losses before each step and after the last. */
async function train(
  step: Model,
  state: State,
  batch: Record<string, Tensor>,
  golden: Golden['adamw'],
  norms: number[] = [],
): Promise<number[]> {
  const signature = stepSignature(step);
  const { scalars } = signature;
  const session = await ort.InferenceSession.create(writeModel(step));
  const losses: number[] = [];
  for (let i = 1; i <= golden.steps + 1; i++) {
    const numbers: Record<string, number> = adamwScalars({
      lr: rate(golden, i),
      weightDecay: golden.weight_decay,
    });
    const given = Object.fromEntries(scalars.map((name) => [name, float32([numbers[name] as number], [])]));
    const feeds = Object.entries({ ...batch, ...given, ...Object.fromEntries(state) });
    const results = await session.run(Object.fromEntries(feeds.map(([name, t]) => [name, toOrt(t)])));
    losses.push(results.loss?.data[0] as number);
    norms.push(results.grad_norm?.data[0] as number);
    if (i > golden.steps) break;
    for (const { input, output, dims } of stateOf(signature))
      state.set(input, float32(results[output]?.data as Float32Array, dims));
  }
  return losses;
}

/** The same steps in one run of a loop. */
async function inOneRun(
  step: Model,
  state: State,
  { stored, lr, weight_decay, steps }: Golden['adamw'] & { readonly stored: ReadonlyMap<string, Tensor> },
) {
  const { scalars } = stepSignature(step);
  const [rows = 0, length = 0] = stored.get('input_ids')?.dims ?? [];
  const ids = (name: string) => Int32Array.from(stored.get(name)?.data as BigInt64Array, Number);
  const labels = stored.get('labels')?.data as BigInt64Array | Float32Array;
  const batch: Batch = {
    rows,
    length,
    inputs: Object.fromEntries(['input_ids', 'attention_mask', 'token_type_ids'].map((name) => [name, ids(name)])),
    labels: labels instanceof Float32Array ? labels : Int32Array.from(labels, Number),
    weights: new Float32Array(rows).fill(1),
    tokens: rows * length,
  };
  const each: Record<string, number> = adamwScalars({ lr, weightDecay: weight_decay });
  const numbers = (count: number) =>
    Object.fromEntries(scalars.map((name) => [name, new Float32Array(count).fill(each[name] as number)]));
  await using training = await createTraining(step, state);
  const { loss = [] } = await training.run(new Array<Batch>(steps).fill(batch), numbers(steps));
  const after = await training.withState((s) =>
    Object.fromEntries([...s].map(([name, { data }]) => [name, (data as Float32Array).slice()])),
  );
  const { loss: next = [] } = await training.run([batch], numbers(1));
  return { losses: [...loss, ...next], state: after };
}

describe.skipIf(!existsSync(models))('training agrees with PyTorch (golden files in ../shared)', () => {
  it.each([
    ['bert', 'crossEntropy'],
    ['bert-regression', 'meanSquaredError'],
  ] as const)('%s: five AdamW steps', async (name, loss) => {
    const folder = path.join(models, name);
    const golden: Golden = JSON.parse(readFileSync(path.join(folder, 'golden.json'), 'utf8'));
    const stored = await readSafetensors(path.join(folder, 'golden.safetensors'));
    const { model } = await loadModel(folder);
    const step = trainable(model, { loss, dropout: 0, noDecay: [] });
    const signature = stepSignature(step);
    const state = initialState(model, signature);
    const rows = stored.get('labels')?.dims[0] as number;
    const inputs = signature.batch.flatMap(({ name }) =>
      stored.has(name) ? [[name, stored.get(name) as Tensor]] : [],
    );
    const weights = float32(new Float32Array(rows).fill(1));
    const looped = await inOneRun(trainable(model, { loss, dropout: 0, noDecay: [] }), initialState(model, signature), {
      stored,
      ...golden.adamw,
    });
    const losses = await train(step, state, { ...Object.fromEntries(inputs), weights }, golden.adamw);
    expect(looped).toEqual({ losses, state: Object.fromEntries([...state].map(([key, { data }]) => [key, data])) });

    // Relative to float64; PyTorch's own float32 is 4e-7 away.
    losses.forEach((value, i) => {
      const want = golden.adamw.losses_f64[i] as number;
      expect(Math.abs(value / want - 1)).toBeLessThan(2e-6);
    });
    for (const [parameter, values] of parametersOf(state, signature)) {
      if (golden.rounding_only_gradient_parameters.includes(parameter)) continue;
      const want = (stored.get(`f64.adamw.param.${parameter}`) ?? stored.get(`adamw.param.${parameter}`))
        ?.data as Float32Array;
      const worst = values.reduce((max, x, i) => Math.max(max, Math.abs(x - (want[i] as number))), 0);
      expect({ parameter, close: worst < 2e-6 }).toEqual({ parameter, close: true });
    }
  });

  // The golden files hold parameters of the plain run only; the optimizers' own goldens compare them after clipping too.
  it('bert: five AdamW steps with clipping and a falling rate', async () => {
    const folder = path.join(models, 'bert');
    const golden = (JSON.parse(readFileSync(path.join(folder, 'golden.json'), 'utf8')) as Golden).adamw_clip_linear;
    const stored = await readSafetensors(path.join(folder, 'golden.safetensors'));
    const { model } = await loadModel(folder);
    const optimizer = chain(clipByGlobalNorm(golden.clip_grad_norm), adamw());
    const step = trainable(model, { loss: 'crossEntropy', dropout: 0, noDecay: [], optimizer });
    const signature = stepSignature(step);
    const rows = stored.get('labels')?.dims[0] as number;
    const batch = signature.batch.flatMap((b) => (stored.has(b.name) ? [[b.name, stored.get(b.name) as Tensor]] : []));
    const norms: number[] = [];
    const losses = await train(
      step,
      initialState(model, signature),
      { ...Object.fromEntries(batch), weights: float32(new Float32Array(rows).fill(1)) },
      golden,
      norms,
    );
    const off = (got: readonly number[], want: readonly number[]) =>
      Math.max(...want.map((x, i) => Math.abs((got[i] as number) / x - 1)));
    expect(off(losses, golden.losses_f64)).toBeLessThan(2e-6);
    expect(off(norms, golden.grad_norms_before_clip_f64)).toBeLessThan(5e-6);
  });
});
