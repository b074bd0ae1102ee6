import {
  float32,
  GraphBuilder,
  int64,
  type Model,
  modelOf,
  type StepSignature,
  stateOf,
  stepSignature,
  type Tensor,
} from '@neuroprune/onnx';
import { describe, expect, it } from 'vitest';
import { evaluate, randomOf } from '../test/evaluate.js';
import { gradients } from './gradients.js';
import { losses } from './loss.js';
import { adamw, adamwScalars } from './optim/adamw.js';
import { sgd, sgdScalars } from './optim/sgd.js';
import { initialState, parametersOf, type State, slotsOf } from './state.js';
import { type TrainableOptions, trainable } from './trainable.js';

const random = randomOf(3);
const noise = (dims: number[]) =>
  float32(
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random() - 0.5),
    dims,
  );

/** Three linear layers, two of one shape, with a scale that is a scalar and a constant that is no parameter. */
function network(): Model {
  const builder = new GraphBuilder();
  const { op } = builder;
  let h = builder.input('x', 'float32', ['batch', 4]);
  for (const [i, out] of [4, 4, 2].entries()) {
    const weight = builder.initializer(`layer.${i}.weight`, noise([out, 4]));
    const y = op.Gemm(h, weight, builder.initializer(`layer.${i}.bias`, noise([out])), { transB: 1 });
    h = i < 2 ? op.Dropout(op.Tanh(y), 0.1) : op.Mul(y, builder.constant(float32([1, 2])));
  }
  builder.output(h, 'logits');
  return modelOf(builder.graph);
}

const batch = { x: noise([6, 4]), labels: int64([0, 1, 0, 1, 1, 0]), weights: float32([1, 1, 1, 1, 1, 0]) };
const scalar = (x: number): Tensor => float32([x], []);

async function runSteps(step: Model, state: State, scalars: (step: number) => Record<string, number>, steps: number) {
  const signature = stepSignature(step);
  const results: Record<string, number>[] = [];
  for (let i = 1; i <= steps; i++) {
    const numbers = Object.fromEntries(signature.scalars.map((name) => [name, scalar(scalars(i)[name] as number)]));
    const outputs = await evaluate(step, { ...batch, ...numbers, ...Object.fromEntries(state) });
    results.push(Object.fromEntries(signature.results.map((name) => [name, outputs[name]?.data[0] as number])));
    for (const { input, output } of stateOf(signature)) state.set(input, outputs[output] as Tensor);
  }
  return results;
}

/** The model with its loss as an output, whose gradients are checked elsewhere. */
function withLoss(model: Model): Model {
  const builder = new GraphBuilder(model.graph);
  const targets = {
    labels: builder.input('labels', 'int64', ['batch']),
    weights: builder.input('weights', 'float32', ['batch']),
  };
  builder.output(losses.crossEntropy.build(builder, model.graph.outputs[0]!, targets), 'loss');
  return model;
}

/** AdamW as PyTorch writes it, in float64, on gradients of the plain model. */
async function reference(
  model: Model,
  steps: number,
  lr: number,
  decay: (name: string) => number,
  masked: readonly string[] = [],
) {
  const [beta1, beta2, eps] = [0.9, 0.999, 1e-8];
  const names = model.graph.initializers.filter((v) => v.name.startsWith('layer')).map((v) => v.name);
  const moments = new Map(names.map((name) => [name, { m: [] as number[], v: [] as number[] }]));
  for (let t = 1; t <= steps; t++) {
    const grads = await evaluate(gradients(withLoss(cloned(model)), { of: 'loss', wrt: names }), batch);
    for (const value of model.graph.initializers.filter((v) => names.includes(v.name))) {
      const { m, v } = moments.get(value.name)!;
      const w = Float32Array.from(value.tensor?.data as Float32Array);
      const g = grads[`grad.${value.name}`]?.data as Float32Array;
      w.forEach((x, i) => {
        m[i] = beta1 * (m[i] ?? 0) + (1 - beta1) * g[i]!;
        v[i] = beta2 * (v[i] ?? 0) + (1 - beta2) * g[i]! ** 2;
        const update = m[i]! / (1 - beta1 ** t) / (Math.sqrt(v[i]! / (1 - beta2 ** t)) + eps);
        w[i] = masked.includes(value.name) && x === 0 ? 0 : x * (1 - lr * decay(value.name)) - lr * update;
      });
      value.tensor = float32(w, value.tensor!.dims);
    }
  }
  return new Map(model.graph.initializers.map((v) => [v.name, v.tensor!.data as Float32Array]));
}

function cloned(model: Model): Model {
  const copy = network();
  for (const value of copy.graph.initializers)
    value.tensor = model.graph.initializers.find((v) => v.name === value.name)!.tensor;
  return copy;
}

function expectClose(got: Float32Array | undefined, want: Float32Array | undefined, tolerance = 1e-6): void {
  expect(got?.length).toBe(want?.length);
  got?.forEach((x, i) => void expect(Math.abs(x - want![i]!)).toBeLessThan(tolerance));
}

const stacksBySlot = (signature: StepSignature) => Object.fromEntries(signature.stacks.map((s) => [s.name, s.members]));

describe('the step graph', () => {
  it('has the interface that its signature says', () => {
    const step = trainable(network(), { loss: 'crossEntropy', masked: ['layer.1.weight'] });
    const signature = stepSignature(step);
    expect(signature).toEqual({
      stacks: [
        { name: 'layer.0.weight', members: ['layer.0.weight'], shape: [4, 4], masked: false, slots: ['w', 'm', 'v'] },
        {
          name: 'stack_4',
          members: ['layer.0.bias', 'layer.1.bias'],
          shape: [4],
          masked: false,
          slots: ['w', 'm', 'v'],
        },
        { name: 'layer.1.weight', members: ['layer.1.weight'], shape: [4, 4], masked: true, slots: ['w', 'm', 'v'] },
        { name: 'layer.2.weight', members: ['layer.2.weight'], shape: [2, 4], masked: false, slots: ['w', 'm', 'v'] },
        { name: 'layer.2.bias', members: ['layer.2.bias'], shape: [2], masked: false, slots: ['w', 'm', 'v'] },
      ],
      copies: [],
      variables: [
        { name: 'adamw.mass1', initial: 0 },
        { name: 'adamw.mass2', initial: 0 },
      ],
      batch: [
        { name: 'x', dtype: 'float32', rank: 2 },
        { name: 'labels', dtype: 'int64', rank: 1 },
        { name: 'weights', dtype: 'float32', rank: 1 },
      ],
      scalars: ['dropout.key0', 'dropout.key1', 'dropout.key2', 'dropout.key3', 'step_size', 'epsilon', 'decay'],
      results: ['loss'],
    });
    const state = stateOf(signature);
    const inputs = [...signature.batch.map((b) => b.name), ...signature.scalars, ...state.map(({ input }) => input)];
    expect(step.graph.inputs.map((v) => v.name).sort()).toEqual(inputs.sort());
    expect(step.graph.outputs.map((v) => v.name).sort()).toEqual(
      [...signature.results, ...state.map(({ output }) => output)].sort(),
    );
    expect(step.graph.nodes.filter((n) => n.opType === 'Identity' || n.opType === 'Dropout')).toEqual([]);
  });

  it('keeps stacks within the limit, of equal size', () => {
    const builder = new GraphBuilder();
    const weights = Array.from({ length: 7 }, (_, i) => builder.initializer(`w${i}`, noise([3])));
    builder.output(
      builder.op.ReduceSum(
        weights.reduce((a, b) => builder.op.Mul(a, b)),
        undefined,
        { keepdims: 0 },
      ),
      'y',
    );
    const step = trainable(modelOf(builder.graph), { loss: { output: 'y' }, stackLimit: 4 });
    expect(stacksBySlot(stepSignature(step))).toEqual({
      stack_3_0: ['w0', 'w1', 'w2', 'w3'],
      stack_3_1: ['w4', 'w5', 'w6'],
    });
  });

  it('leaves the model as it was', () => {
    const model = network();
    trainable(model, { loss: 'crossEntropy' });
    expect(model.graph.initializers.every((v) => v.tensor)).toBe(true);
    expect(model.graph.outputs.map((v) => v.name)).toEqual(['logits']);
  });

  const lr = 0.05;
  const rows: [string, Partial<TrainableOptions>, (name: string) => number, string[]][] = [
    ['decay on matrices only', {}, (name) => (name.endsWith('weight') ? 0.1 : 0), []],
    ['decay on all', { noDecay: [] }, () => 0.1, []],
    [
      'decay on what a predicate says',
      { noDecay: (name) => name.startsWith('layer.0') },
      (name) => (name.startsWith('layer.0') ? 0 : 0.1),
      [],
    ],
    ['one parameter a stack', { stackLimit: 1 }, (name) => (name.endsWith('weight') ? 0.1 : 0), []],
    [
      'zeros that stay',
      { masked: ['layer.0.weight', 'layer.1.weight'] },
      (name) => (name.endsWith('weight') ? 0.1 : 0),
      ['layer.0.weight', 'layer.1.weight'],
    ],
  ];
  it.each(rows)('takes AdamW steps: %s', async (_, options, decay, masked) => {
    const model = network();
    for (const name of masked) {
      const tensor = model.graph.initializers.find((v) => v.name === name)!.tensor!;
      (tensor.data as Float32Array).fill(0, 3, 9);
    }
    const step = trainable(model, { loss: 'crossEntropy', dropout: 0, ...options });
    const signature = stepSignature(step);
    const state = initialState(model, signature);
    await runSteps(step, state, () => adamwScalars({ lr, weightDecay: 0.1 }), 4);
    const want = await reference(model, 4, lr, decay, masked);
    for (const [name, got] of parametersOf(state, signature)) expectClose(got, want.get(name));
    for (const name of masked)
      expect(
        parametersOf(state, signature)
          .get(name)!
          .filter((x) => x === 0),
      ).toHaveLength(6);
  });

  it('takes SGD steps with momentum', async () => {
    const model = network();
    const names = ['layer.0.weight', 'layer.2.bias'];
    const step = trainable(model, { loss: 'crossEntropy', dropout: 0, wrt: names, optimizer: sgd({ momentum: 0.5 }) });
    const signature = stepSignature(step);
    const grads = await evaluate(gradients(withLoss(cloned(model)), { of: 'loss', wrt: names }), batch);
    const state = initialState(model, signature);
    await runSteps(step, state, () => sgdScalars({ lr: 0.1 }), 1);
    for (const name of names) {
      const g = grads[`grad.${name}`]?.data as Float32Array;
      const before = model.graph.initializers.find((v) => v.name === name)!.tensor!.data as Float32Array;
      expectClose(slotsOf(state, signature, 'b').get(name), g);
      expectClose(
        parametersOf(state, signature).get(name),
        before.map((w, i) => w - 0.1 * g[i]!),
      );
    }
  });

  it('adds terms with their coefficients and reports each', async () => {
    const model = network();
    const step = trainable(model, {
      loss: 'crossEntropy',
      dropout: 0,
      wrt: ['layer.0.weight'],
      optimizer: sgd(),
      terms: (op, w) => ({ l1: op.ReduceSum(op.Abs(w.get('layer.0.weight')!), undefined, { keepdims: 0 }) }),
    });
    const signature = stepSignature(step);
    expect(signature.results).toEqual(['loss', 'l1']);
    const before = parametersOf(initialState(model, signature), signature).get('layer.0.weight')!;
    const after = async (coefficient: number) => {
      const state = initialState(model, signature);
      const [result] = await runSteps(
        step,
        state,
        () => ({ ...sgdScalars({ lr: 1 }), 'l1.coefficient': coefficient }),
        1,
      );
      expect(result?.l1).toBeCloseTo(
        before.reduce((sum, w) => sum + Math.abs(w), 0),
        5,
      );
      return { loss: result?.loss, w: parametersOf(state, signature).get('layer.0.weight')! };
    };
    const [without, weighed] = [await after(0), await after(0.25)];
    expect(weighed.loss).toBe(without.loss);
    expectClose(
      weighed.w,
      without.w.map((w, i) => w - 0.25 * Math.sign(before[i]!)),
    );
  });

  it('learns with dropout, and the same masks give the same steps', async () => {
    const model = network();
    const step = trainable(model, { loss: 'crossEntropy', optimizer: adamw({ beta2: 0.99 }) });
    const signature = stepSignature(step);
    const run = async () => {
      const state = initialState(model, signature);
      const keys = Object.fromEntries([0, 1, 2, 3].map((i) => [`dropout.key${i}`, (i * 331 + 7) / 2048]));
      const losses = await runSteps(step, state, () => ({ ...adamwScalars({ lr }), ...keys }), 30);
      return { losses: losses.map((r) => r.loss!), w: parametersOf(state, signature).get('layer.1.weight')! };
    };
    const [a, b] = [await run(), await run()];
    expect(a).toEqual(b);
    expect(a.losses.at(-1)).toBeLessThan(0.2 * a.losses[0]!);
  });
});

describe('what cannot be trained', () => {
  const errors: [string, TrainableOptions, string][] = [
    ['an unknown output', { loss: { output: 'cost' } }, "expected a value 'cost'"],
    ['an output that is no scalar', { loss: { output: 'logits' } }, "expected a scalar output, got 'logits' [batch,2]"],
    [
      'an unknown parameter',
      { loss: 'crossEntropy', wrt: ['layer.9.weight'] },
      "wrt: expected float32 initializers, got 'layer.9.weight'",
    ],
    [
      'an unknown mask',
      { loss: 'crossEntropy', masked: ['layer.9.weight'] },
      "masked: expected names of trained parameters, got 'layer.9.weight'",
    ],
    ['a rate above 1', { loss: 'crossEntropy', dropout: 1.5 }, 'expected a rate in [0, 1), got 1.5'],
  ];
  it.each(errors)('%s', (_, options, message) => expect(() => trainable(network(), options)).toThrow(message));

  it('a state without a tensor', () => {
    const signature = stepSignature(trainable(network(), { loss: 'crossEntropy' }));
    expect(() => parametersOf(new Map(), signature)).toThrow("expected 'stack_4x4_decayed.w', got none");
  });
});
