import { bfloat16Bits, float16Bits, inferModel, type Model, type Node, parse, print } from '@neuroprune/onnx';
import { describe, expect, it } from 'vitest';
import { evaluate } from '../test/evaluate.js';
import { expectClose, network, repeat, train, whole } from '../test/train.js';
import { adamw, adamwScalars } from './optim/adamw.js';
import { clipByGlobalNorm } from './optim/clip.js';
import { ema, emaScalars } from './optim/ema.js';
import { chain } from './optim/optimizer.js';
import { sgd, sgdScalars } from './optim/sgd.js';
import { type TrainableOptions, trainable } from './trainable.js';

const low = { fp16: 'float16', bf16: 'bfloat16' } as const;
const rows = Object.keys(low) as (keyof typeof low)[];
const scalars = { ...adamwScalars({ lr: 0.05, weightDecay: 0.1 }), ...emaScalars({ decay: 0.9 }) };

const stepOf = (options: Partial<TrainableOptions>): Model =>
  trainable(network(), { loss: 'crossEntropy', optimizer: chain(clipByGlobalNorm(1), adamw(), ema()), ...options });

/** Attention without heads over rows, between norms. */
const block = (): Model =>
  parse(`onnx 11 "t"
opset "" 23
graph g {
  input %x: float32[4,4]
  init %s = float32[4] {1, 1, 1, 1}
  init %b = float32[4] {0, 0, 0, 0}
  init %q = float32[4,4] {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7}
  init %k = float32[4,4] {0.3, 0.2, 0.3, 0.4, 0.1, 0.6, 0.7, 0.8, 0.9, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7}
  init %v = float32[4,4] {0.2, 0.2, 0.3, 0.4, 0.1, 0.6, 0.7, 0.8, 0.9, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7}
  init %half = float32[] {0.5}
  init %c = float32[4,2] {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8}
  %h = LayerNormalization(%x, %s, %b) {axis: -1}
  %xq = MatMul(%h, %q)
  %xk = MatMul(%h, %k)
  %xv = MatMul(%h, %v)
  %kt = Transpose(%xk) {perm: [1, 0]}
  %scores = MatMul(%xq, %kt)
  %p = Softmax(%scores) {axis: -1}
  %context = MatMul(%p, %xv)
  %d = Dropout(%context, %half)
  %sum = Add(%h, %d)
  %n = LayerNormalization(%sum, %s, %b) {axis: -1}
  %logits = MatMul(%n, %c)
  output %logits
}`);

const typeOf = (node: Node): string | undefined => node.outputs[0]?.dtype;

describe.each(rows)('%s', (precision) => {
  const types = (opType: string) => [
    ...new Set(stepOf({ precision }).graph.nodes.flatMap((n) => (n.opType === opType ? typeOf(n) : []))),
  ];

  it('has products in 16 bits, and what loses by it in float32', () => {
    expect(types('Gemm')).toEqual([low[precision]]);
    expect(types('Tanh')).toEqual([low[precision]]);
    for (const opType of ['Exp', 'Log', 'Sqrt', 'ReduceMax']) expect(types(opType), opType).toEqual(['float32']);
  });

  it('has float32 weights, state and results, and 16 bits nowhere in the interface', () => {
    const { inputs, outputs } = stepOf({ precision }).graph;
    expect(new Set([...inputs, ...outputs].map((v) => v.dtype))).toEqual(new Set(['float32', 'int64']));
  });

  it('lowers norms, softmax, and what lies between products; their statistics, the loss and dropout stay float32', () => {
    const step = trainable(block(), { loss: 'crossEntropy', precision, dropout: 0.5 });
    const made = (opType: string) => step.graph.nodes.filter((n) => n.opType === opType).map(typeOf);
    for (const opType of ['LayerNormalization', 'Softmax', 'ReduceMean']) {
      expect(new Set(made(opType)), opType).toEqual(new Set([low[precision]]));
    }
    const norm = step.graph.nodes.find((n) => n.opType === 'LayerNormalization' && n.outputs.length === 3);
    expect(norm?.outputs.map((v) => v.dtype)).toEqual([low[precision], 'float32', 'float32']);
    // Generator of dropout: integers in float32; a product in 16 bits would lose them.
    expect(new Set(made('Floor'))).toEqual(new Set(['float32']));
    const words = step.graph.nodes.filter(({ opType, inputs }) => opType === 'MatMul' && inputs[1]?.shape?.[0] === 8);
    expect(words.map(typeOf)).toEqual(['float32']);
    expect(new Set(made('Log'))).toEqual(new Set(['float32']));
    expect(inferModel(parse(print(step))).graph.nodes.map(typeOf)).toEqual(step.graph.nodes.map(typeOf));
  });

  it('casts the weights of a stack at once, and their gradients', () => {
    const step = trainable(block(), { loss: 'crossEntropy', precision });
    const casts = step.graph.nodes.filter((n) => n.opType === 'Cast');
    expect(casts.filter((n) => n.inputs[0]?.producer?.opType === 'Split')).toEqual([]);
    const concats = step.graph.nodes.filter((n) => n.opType === 'Concat' && n.inputs.length === 3);
    expect(concats.map(typeOf)).toContain(low[precision]);
  });

  it('converts a value once', () => {
    const casts = stepOf({ precision }).graph.nodes.filter((n) => n.opType === 'Cast');
    const keys = casts.map((n) => `${n.inputs[0]?.name} ${typeOf(n)}`);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it.each([{}, { emulatePrecision: true }, { accumulate: true, guard: 'skip' as const }])(
    'says of every value what inference says of it: %j',
    (options) => {
      const step = stepOf({ precision, ...options });
      const declared = step.graph.nodes.flatMap((n) => n.outputs.map((v) => [v.name, v.dtype]));
      const inferred = inferModel(parse(print(step)));
      expect(inferred.graph.nodes.flatMap((n) => n.outputs.map((v) => [v.name, v.dtype]))).toEqual(declared);
    },
  );

  it('rounds operands and results of a product, emulated', async () => {
    const round = (x: number) => {
      const bits = precision === 'fp16' ? float16Bits(x) : bfloat16Bits(x);
      if (precision === 'bf16') return new Float32Array(Uint32Array.of(bits << 16).buffer)[0]!;
      const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
      const size = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
      return bits >> 15 ? -size : size;
    };
    const model = parse(`onnx 11 "t"
opset "" 23
graph g {
  input %x: float32[2]
  init %w = float32[2,1] {0.1, 0.3}
  %y = MatMul(%x, %w)
  %cost = ReduceSum(%y) {keepdims: 0}
  output %cost
}`);
    const step = trainable(model, { loss: { output: 'cost' }, precision, emulatePrecision: true, optimizer: sgd() });
    const [x, w] = [
      [1.001, -2.003],
      [Math.fround(0.1), Math.fround(0.3)],
    ] as const;
    const state = { 'w.w': { dtype: 'float32', dims: [2, 1], data: Float32Array.from(w) } } as const;
    const scalar = (v: number) => ({ dtype: 'float32', dims: [], data: Float32Array.of(v) }) as const;
    const scaling = { 'scaling.scale': scalar(1), 'scaling.good_steps': scalar(0) };
    const numbers = Object.fromEntries(
      Object.entries(sgdScalars({ lr: 1 })).map(([name, value]) => [name, scalar(value)]),
    );
    const feeds = { x: { dtype: 'float32', dims: [2], data: Float32Array.from(x) } as const, ...state, ...numbers };
    const results = await evaluate(step, { ...feeds, ...(precision === 'fp16' ? scaling : {}) });
    const product = round(Math.fround(round(x[0]) * round(w[0]) + round(x[1]) * round(w[1])));
    expect(results.loss!.data[0]).toBe(product);
    expect([...(results['w.w.next']!.data as Float32Array)]).toEqual(x.map((v, i) => Math.fround(w[i]! - round(v))));
  });

  it('stays beside float32, not on it', async () => {
    const options: Partial<TrainableOptions> = { optimizer: chain(clipByGlobalNorm(1), adamw(), ema()) };
    const [exact, rounded] = await Promise.all(
      [{}, { precision, emulatePrecision: true }].map((more) =>
        train({ ...options, ...more }, repeat(10, whole), scalars),
      ),
    );
    expect(rounded!.weights).not.toEqual(exact!.weights);
    expectClose(rounded!.weights, exact!.weights, precision === 'fp16' ? 5e-3 : 5e-2);
  });
});

it('fp16 runs on the processor without emulation, and near to it', async () => {
  const run = async (more: Partial<TrainableOptions>) =>
    (await train({ precision: 'fp16', ...more }, repeat(10), scalars)).weights;
  expectClose(await run({}), await run({ emulatePrecision: true }), 5e-3);
});

it('fp32 is the graph without the option', () => expect(print(stepOf({ precision: 'fp32' }))).toBe(print(stepOf({}))));
