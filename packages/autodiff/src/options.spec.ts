import { float32, GraphBuilder, type Model, modelOf } from '@neuroprune/onnx';
import { describe, expect, it } from 'vitest';
import { type Numbers, network, repeat, start, train, whole } from '../test/train.js';
import { dropoutScalars } from './dropout.js';
import { adamw, adamwScalars } from './optim/adamw.js';
import { clipByGlobalNorm, clipByValue } from './optim/clip.js';
import { ema, emaScalars } from './optim/ema.js';
import { chain } from './optim/optimizer.js';
import { sgd, sgdScalars } from './optim/sgd.js';
import { matcher, type Rates, type Selection } from './select.js';
import { parametersOf } from './state.js';
import { type TrainableOptions, trainable } from './trainable.js';

const adam = adamwScalars({ lr: 0.05, weightDecay: 0.1 });
const descent = sgdScalars({ lr: 0.5, weightDecay: 0.1 });
const keys = dropoutScalars(0, 1);

/** The small network with a `Dropout` before its output, and its zeros in one place. */
function withDropout(times = 1): Model {
  const model = network();
  const builder = new GraphBuilder(model.graph);
  const [logits] = model.graph.outputs;
  model.graph.outputs = [];
  let dropped = logits!;
  for (let i = 0; i < times; i++) dropped = builder.op.Dropout(builder.op.Mul(dropped, 1), 0.5);
  builder.output(dropped, 'dropped');
  return model;
}

function withZeros(): Model {
  const model = network();
  (model.graph.initializers.find((v) => v.name === 'layer.0.weight')!.tensor!.data as Float32Array).fill(0, 0, 5);
  return model;
}

interface Row {
  readonly without?: Partial<TrainableOptions>;
  readonly given: Partial<TrainableOptions>;
  readonly numbers?: Numbers;
  readonly model?: () => Model;
  /** Where the option shows; in the weights by default. */
  readonly seen?: 'results' | 'stacks' | 'nodes';
}

const teacher = {
  'teacher.logits': float32(
    Float32Array.from({ length: 16 }, (_, i) => Math.sin(i)),
    [8, 2],
  ),
};
const sgdOnly = { optimizer: sgd() };

/** Every option, and a case in which it changes what comes out. */
const rows: Readonly<Record<keyof Required<TrainableOptions>, Row>> = {
  loss: { given: { loss: { name: 'crossEntropy', labelSmoothing: 0.5 } } },
  distill: { given: { distill: { weight: 0.5 } } },
  wrt: { given: { wrt: ['layer.0.bias'] }, seen: 'stacks' },
  frozen: { given: { frozen: 'layer.0.*' }, seen: 'stacks' },
  optimizer: { given: { optimizer: sgd() } },
  accumulate: { given: { accumulate: true }, numbers: { ...adam, share: 0.25, apply: 0 } },
  guard: { given: { guard: 'skip' }, seen: 'results' },
  gradNorm: { given: { gradNorm: true }, seen: 'results' },
  precision: { given: { precision: 'bf16', emulatePrecision: true } },
  lossScaling: {
    without: { precision: 'fp16', emulatePrecision: true },
    given: { precision: 'fp16', emulatePrecision: true, lossScaling: { initial: 2 ** 40 } },
  },
  emulatePrecision: {
    without: { ...sgdOnly, precision: 'fp16' },
    given: { ...sgdOnly, precision: 'fp16', emulatePrecision: true },
  },
  dropout: { given: { dropout: 0 }, model: () => withDropout() },
  masksTogether: { given: { masksTogether: 2 }, seen: 'nodes', model: () => withDropout(2) },
  masked: { given: { masked: ['layer.0.weight'] }, model: withZeros },
  noDecay: { given: { noDecay: 'layer.1.weight' } },
  rates: { given: { rates: { 'layer.0.*': 0.5 } } },
  terms: { given: { terms: (op, w) => ({ l1: op.ReduceSum(op.Abs(w.get('layer.1.weight')!)) }) } },
  stackLimit: { given: { stackLimit: 1 }, seen: 'stacks', model: twins },
};

/** Two parameters of one shape. */
function twins(): Model {
  const builder = new GraphBuilder();
  const { op } = builder;
  const x = builder.input('x', 'float32', ['batch', 4]);
  const [a, b] = ['a', 'b'].map((name) =>
    builder.initializer(
      name,
      float32(
        Float32Array.from({ length: 16 }, (_, i) => i / 16),
        [4, 4],
      ),
    ),
  );
  builder.output(op.MatMul(op.Tanh(op.MatMul(x, a!)), b!), 'logits');
  return modelOf(builder.graph);
}

describe('every option acts', () => {
  it.each(Object.entries(rows))('%s', async (_, { without = {}, given, numbers, model = network, seen }) => {
    const all = { ...adam, ...keys, 'l1.coefficient': 0.1, ...numbers };
    const run = async (options: Partial<TrainableOptions>) => {
      const { weights, results, signature } = await train(options, repeat(2, { ...whole, ...teacher }), all, model());
      const nodes = trainable(model(), { loss: 'crossEntropy', ...options }).graph.nodes.length;
      return { weights, results: results.map((r) => Object.keys(r)), stacks: signature.stacks, nodes };
    };
    const [before, after] = [await run(without), await run(given)];
    expect(after[seen ?? 'weights']).not.toEqual(before[seen ?? 'weights']);
  });
});

describe('selections', () => {
  const same: [string, Selection][] = [
    ['a glob', 'layer.0.*'],
    ['a glob with a single character', 'l?yer.0*'],
    ['an expression', /^layer\.0\./],
    ['an expression that remembers', /layer\.0/g],
    ['a list', ['layer.0.weight', /0\.bias$/]],
    ['a predicate', (name: string, dims: readonly number[]) => name.startsWith('layer.0') && dims.length > 0],
  ];
  it.each(same)('%s of frozen parameters', async (_, frozen) => {
    const { weights, signature, step } = await train({ frozen }, repeat(2), adam);
    expect(signature.stacks.flatMap((s) => s.members)).toEqual(['layer.1.weight']);
    expect(weights['layer.1.weight']).not.toEqual([...start['layer.1.weight'].data]);
    const kept = step.graph.initializers.find((v) => v.name === 'layer.0.weight')!.tensor!;
    expect([...(kept.data as Float32Array)]).toEqual([...start['layer.0.weight'].data]);
  });
  it.each(same)('%s of parameters without decay', async (_, noDecay) => {
    const run = async (scalars: Numbers) => (await train({ ...sgdOnly, noDecay }, [whole], scalars)).weights;
    const [plain, decayed] = [await run(sgdScalars({ lr: 0.5 })), await run(descent)];
    expect(decayed['layer.0.weight']).toEqual(plain['layer.0.weight']);
    expect(decayed['layer.0.bias']).toEqual(plain['layer.0.bias']);
    decayed['layer.1.weight']!.forEach((w, i) => {
      const before = start['layer.1.weight'].data[i] as number;
      expect(w).toBeCloseTo(plain['layer.1.weight']![i]! - 0.05 * before, 6);
    });
  });
  it.each([
    ['?', 'a', true],
    ['?', 'ab', false],
    ['a.*', 'axb', false],
    ['a.*', 'a.b.c', true],
    ['a(b', 'a(b', true],
    ['*.bias', 'x.bias.y', false],
  ])('%s of %s: %s', (pattern, name, is) => expect(matcher(pattern)(name)).toBe(is));
});

describe('rates', () => {
  const moved = async (rates: Rates) => {
    const { weights } = await train({ ...sgdOnly, rates }, [whole], descent);
    return (name: keyof typeof start) => weights[name]!.map((w, i) => w - (start[name].data[i] as number));
  };
  const given: [string, Rates][] = [
    ['the first pattern that matches', { 'layer.0.bias': 0, 'layer.0.*': 0.25 }],
    ['a function', (name, dims) => (dims.length === 1 ? 0 : name.startsWith('layer.0') ? 0.25 : 1)],
  ];
  it.each(given)('scale steps and decay: %s', async (_, rates) => {
    const [scaled, plain] = [await moved(rates), await moved({})];
    expect(scaled('layer.0.bias')).toEqual([0, 0, 0, 0]);
    expect(scaled('layer.1.weight')).toEqual(plain('layer.1.weight'));
    scaled('layer.0.weight').forEach((d, i) => void expect(d).toBeCloseTo(plain('layer.0.weight')[i]! / 4, 6));
  });
});

it('cuts every element of the gradient', async () => {
  const step = async (optimizer: NonNullable<TrainableOptions['optimizer']>) => {
    const { weights } = await train({ optimizer, noDecay: '*' }, [whole], sgdScalars({ lr: 1 }));
    return Object.entries(start).flatMap(([name, { data }]) => weights[name]!.map((w, i) => (data[i] as number) - w));
  };
  const [plain, cut] = [await step(sgd()), await step(chain(clipByValue(0.02), sgd()))];
  expect(plain.filter((g) => Math.abs(g) > 0.02).length).toBeGreaterThan(4);
  plain.forEach((g, i) => void expect(cut[i]).toBeCloseTo(Math.max(-0.02, Math.min(0.02, g)), 6));
});

it('averages weights, masked ones too', async () => {
  const options = { optimizer: chain(adamw(), ema()), masked: ['layer.0.weight'] };
  const { state, signature } = await train(options, repeat(3), { ...adam, ...emaScalars({ decay: 0.9 }) }, withZeros());
  const [average, last] = [parametersOf(state, signature, 'ema'), parametersOf(state, signature)];
  expect(average.get('layer.1.weight')).not.toEqual(last.get('layer.1.weight'));
  expect([...average.get('layer.0.weight')!.subarray(0, 5)]).toEqual([0, 0, 0, 0, 0]);
});

it('AdamW’s own state costs scalars only: no more than 11 operators over the elements of a stack', () => {
  const step = trainable(network(), { loss: 'crossEntropy' });
  const before = trainable(network(), { loss: 'crossEntropy', optimizer: sgd() });
  const count = (model: Model, scalar: boolean) =>
    model.graph.nodes.filter((n) => (n.outputs[0]?.shape?.length === 0) === scalar).length;
  // SGD: step, difference, and the decay of two matrices.
  expect(count(step, false) - count(before, false)).toBe(3 * (11 - 3));
  expect(count(step, true) - count(before, true)).toBe(8);
});

describe('what makes no sense', () => {
  const options: [Partial<TrainableOptions>, string][] = [
    [{ frozen: 'layer.7.*' }, "frozen: expected to match a parameter, got 'layer.7.*'"],
    [{ frozen: '*' }, 'trainable: expected a parameter to train that the loss depends on, got none'],
    [{ noDecay: [/norm/] }, "noDecay: expected to match a parameter, got '/norm/'"],
    [{ rates: { 'encoder.*': 0.5 } }, "rates: expected to match a parameter, got 'encoder.*'"],
    [{ rates: { 'layer.0.*': -1 } }, "rates: expected a factor from 0, got -1 for 'layer.0.weight'"],
    [{ rates: () => Number.NaN }, "rates: expected a factor from 0, got NaN for 'layer.0.weight'"],
    [{ precision: 'fp8' as 'fp16' }, 'precision: expected fp32, fp16, bf16, got fp8'],
    [{ guard: 'stop' as 'skip' }, "guard: expected 'skip', got stop"],
    [{ stackLimit: 0 }, 'stackLimit: expected a whole number from 1, got 0'],
    [{ masksTogether: 1.5 }, 'masksTogether: expected a whole number from 1, got 1.5'],
    [{ lossScaling: {} }, "lossScaling: expected the precision 'fp16', got fp32"],
    [
      { precision: 'fp16', lossScaling: { initial: 0 } },
      'lossScaling.initial: expected a scale in [2^-126, 2^126], got 0',
    ],
    [{ precision: 'fp16', lossScaling: { growth: 0.5 } }, 'lossScaling.growth: expected a factor from 1, got 0.5'],
    [
      { precision: 'fp16', lossScaling: { backoff: 1 } },
      'lossScaling.backoff: expected a factor between 0 and 1, got 1',
    ],
    [
      { precision: 'fp16', lossScaling: { interval: 0.5 } },
      'lossScaling.interval: expected a whole number from 1, got 0.5',
    ],
    [{ distill: {} }, 'distill: expected a weight above 0 or hidden values, got neither'],
    [{ distill: { weight: 2 } }, 'distill.weight: expected a share in [0, 1], got 2'],
    [{ distill: { weight: 1, temperature: 0 } }, 'distill.temperature: expected a number above 0, got 0'],
    [{ distill: { hidden: { logits: -1 } } }, "distill.hidden['logits']: expected a weight above 0, got -1"],
    [{ distill: { hidden: { 'layer.9': 1 } } }, "expected a value 'layer.9', got none of that name"],
    [
      { loss: { output: 'logits' }, distill: { weight: 1 } },
      'distill: expected a loss by name, whose rows it weighs, got an output',
    ],
    [{ loss: 'hinge' as 'crossEntropy' }, 'loss: expected crossEntropy, meanSquaredError'],
    [{ loss: { name: 'crossEntropy', labelSmoothing: 1.5 } }, 'labelSmoothing: expected a share in [0, 1], got 1.5'],
    [{ loss: { name: 'crossEntropy', classWeights: [1] } }, 'classWeights: expected 2 numbers from 0, got [1]'],
    [{ loss: { name: 'crossEntropy', classWeights: [1, -1] } }, 'classWeights: expected 2 numbers from 0, got [1,-1]'],
  ];
  it.each(options)('%o', (given, message) =>
    expect(() => trainable(network(), { loss: 'crossEntropy', ...given })).toThrow(message),
  );

  const calls: [() => unknown, string][] = [
    [() => clipByGlobalNorm(0), 'clipByGlobalNorm: expected a bound above 0, got 0'],
    [() => clipByValue(Number.NaN), 'clipByValue: expected a bound above 0, got NaN'],
    [() => adamw({ beta2: 1 }), 'adamw.beta2: expected a factor in [0, 1), got 1'],
    [() => sgd({ momentum: -0.1 }), 'sgd.momentum: expected a factor in [0, 1), got -0.1'],
    [() => sgd({ nesterov: true }), 'sgd.momentum: expected a factor above 0 with nesterov, got 0'],
    [() => chain(adamw(), adamw()), "chain: expected links with slots of their own, got 'm' twice"],
    [
      () => trainable(network(), { loss: 'crossEntropy', optimizer: chain(ema(), adamw()) }),
      'ema: expected to come after',
    ],
    [() => adamwScalars({ lr: -1 }), 'adamw.lr: expected a number from 0, got -1'],
    [() => adamwScalars({ lr: 1, eps: Number.NaN }), 'adamw.eps: expected a number from 0, got NaN'],
    [() => sgdScalars({ lr: 1, weightDecay: -1 }), 'sgd.weightDecay: expected a number from 0, got -1'],
    [() => emaScalars({ decay: 1.1 }), 'ema.decay: expected a factor in [0, 1], got 1.1'],
  ];
  it.each(calls)('%s', (call, message) => expect(call).toThrow(message));
});
