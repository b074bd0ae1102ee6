import { float32, GraphBuilder, int64, modelOf, type Tensor, type Value } from '@neuroprune/onnx';
import { describe, expect, it } from 'vitest';
import { evaluate } from '../test/evaluate.js';
import { gradients } from './gradients.js';
import { losses, lossInputs } from './loss.js';
import { lossOf } from './objective.js';

async function loss(name: keyof typeof losses, output: Tensor, labels: Tensor, weights: number[]) {
  const builder = new GraphBuilder();
  const sizes = output.dims.slice(1);
  const x = builder.input('x', 'float32', ['batch', ...(sizes.length > 1 ? ['sequence', ...sizes.slice(1)] : sizes)]);
  builder.output(losses[name].build(builder, x, lossInputs(builder, losses[name], x)), 'loss');
  const model = gradients(modelOf(builder.graph), { of: 'loss', wrt: ['x'] });
  const result = await evaluate(model, { x: output, labels, weights: float32(weights) });
  return { value: result.loss?.data[0] as number, gradient: Array.from(result['grad.x']?.data as Float32Array) };
}

const logits = [
  [1, 2, -1],
  [100, -100, 0],
  [0.5, 0.25, 0.125],
];
const labels = [2, 1, 0];

/** Weighted mean of -log softmax[label] and its gradient (softmax - one-hot)·w/Σw. */
function expected(weights: number[]) {
  const total = weights.reduce((a, b) => a + b, 0);
  const rows = logits.map((row, i) => {
    const top = Math.max(...row);
    const logSum = top + Math.log(row.reduce((s, x) => s + Math.exp(x - top), 0));
    const share = (weights[i] as number) / total;
    const gradient = row.map((x, j) => share * (Math.exp(x - logSum) - (j === labels[i] ? 1 : 0)));
    return { value: share * (logSum - (row[labels[i] as number] as number)), gradient };
  });
  return { value: rows.reduce((s, r) => s + r.value, 0), gradient: rows.flatMap((r) => r.gradient) };
}

describe('cross entropy', () => {
  it.each([[[1, 1, 1]], [[1, 0, 1]], [[0, 1, 0]]])('is the weighted mean over rows: %j', async (weights) => {
    const got = await loss('crossEntropy', float32(logits.flat(), [3, 3]), int64(labels), weights);
    const want = expected(weights);
    expect(got.value).toBeCloseTo(want.value, 4);
    got.gradient.forEach((g, i) => void expect(g).toBeCloseTo(want.gradient[i] as number, 6));
  });
  it('is 0 over filler rows alone', async () => {
    const got = await loss('crossEntropy', float32(logits.flat(), [3, 3]), int64(labels), [0, 0, 0]);
    expect([got.value, ...got.gradient].every((x) => Math.abs(x) === 0)).toBe(true);
  });
  it('wants classes', async () => {
    await expect(loss('crossEntropy', float32([1]), int64([0]), [1])).rejects.toThrow(
      'expected an output [batch, classes]',
    );
  });
});

describe('mean squared error', () => {
  it.each([[[3]], [[3, 1]]])('is the weighted mean over rows, output %j', async (dims) => {
    const got = await loss('meanSquaredError', float32([1, 2, 4], dims), float32([0, 5, 1]), [1, 0, 1]);
    expect([got.value, ...got.gradient]).toEqual([5, 1, -0, 3]);
  });
  it('wants one score a row', async () => {
    const two = float32([1, 2], [1, 2]);
    await expect(loss('meanSquaredError', two, float32([0]), [1])).rejects.toThrow('expected an output [batch, 1]');
  });
});

describe('cross entropy over tokens', () => {
  // Two texts of three tokens over two words; -100 takes no part.
  const words = [1, 2, 0.5, -1, 3, 0, -2, 4, 0, 0, 1, 1];
  const each = float32(words, [2, 3, 2]);
  const text = (labels: number[]): Tensor => ({ ...int64(labels), dims: [2, 3] }) as Tensor;
  const nll = (token: number, label: number) => {
    const row = words.slice(2 * token, 2 * token + 2);
    return Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0)) - row[label]!;
  };
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;

  it.each<[what: string, labels: number[], weights: number[], counted: [token: number, label: number][]]>([
    [
      'every token counts alike, whatever its text',
      [0, -100, 1, 1, 0, 1],
      [1, 1],
      [
        [0, 0],
        [2, 1],
        [3, 1],
        [4, 0],
        [5, 1],
      ],
    ],
    [
      'a filler row counts nothing',
      [0, 1, 1, 1, 0, 1],
      [1, 0],
      [
        [0, 0],
        [1, 1],
        [2, 1],
      ],
    ],
  ])('%s', async (_, given, weights, counted) => {
    const got = await loss('tokenCrossEntropy', each, text(given), weights);
    expect(got.value).toBeCloseTo(mean(counted.map(([token, label]) => nll(token, label))), 6);
    const silent = words.flatMap((_, i) => (counted.some(([token]) => token === Math.floor(i / 2)) ? [] : [i]));
    expect(silent.map((i) => Math.abs(got.gradient[i]!))).toEqual(silent.map(() => 0));
    expect(got.gradient.some((g) => g !== 0)).toBe(true);
  });

  it('of the next token: the first label is nobody’s, the last token predicts nothing', async () => {
    const got = await loss('nextTokenCrossEntropy', each, text([1, 0, 1, 0, -100, 1]), [1, 1]);
    expect(got.value).toBeCloseTo(mean([nll(0, 0), nll(1, 1), nll(4, 1)]), 6);
    expect([4, 5, 6, 7, 10, 11].map((i) => Math.abs(got.gradient[i]!))).toEqual(new Array(6).fill(0));
  });

  it.each([
    ['tokenCrossEntropy', [0, 2]],
    ['nextTokenCrossEntropy', [1]],
  ] as const)('a teacher of %s is compared where a label counts', async (name, counted) => {
    const builder = new GraphBuilder();
    const x = builder.input('x', 'float32', ['batch', 'sequence', 2]);
    builder.output(builder.op.Identity(x), 'logits');
    const model = modelOf(builder.graph);
    const { loss: total, inputs } = lossOf(model, builder, { loss: name, distill: { weight: 0.25, temperature: 2 } });
    builder.output(total, 'loss');
    expect(inputs).toEqual(['labels', 'weights', 'teacher.logits']);
    const given = { x: each, labels: text([0, -100, 1, 1, 0, 1]), weights: float32([1, 0]) };
    const taught = words.map((w, i) => (i % 2 === 0 ? w + 1 : 2 * w));
    const result = await evaluate(model, { ...given, 'teacher.logits': float32(taught, [2, 3, 2]) });
    const softened = (row: number[]) => {
      const sum = row.reduce((total, w) => total + Math.exp(w / 2), 0);
      return row.map((w) => Math.exp(w / 2) / sum);
    };
    const divergence = (token: number) => {
      const [p, q] = [taught, words].map((all) => softened(all.slice(2 * token, 2 * token + 2)));
      return p!.reduce((sum, value, i) => sum + value * Math.log(value / q![i]!), 0);
    };
    const own = await loss(name, each, given.labels, [1, 0]);
    const expected = 0.75 * own.value + 0.25 * 4 * mean(counted.map(divergence));
    expect(result.loss?.data[0]).toBeCloseTo(expected, 5);
  });

  it('hidden states are compared token by token along the sequence they are made of', async () => {
    const builder = new GraphBuilder();
    const { op } = builder;
    const read = builder.input('input_ids', 'int64', ['batch', 'sequence']);
    builder.input('attention_mask', 'int64', ['batch', 'sequence']);
    const write = builder.input('decoder_input_ids', 'int64', ['batch', 'decoder_sequence']);
    const rows = (ids: Value) => op.Reshape(op.Cast(ids, { to: 1 }), builder.ints(-1, 1));
    const encoded = op.Mul(rows(read), 1);
    const seen = op.ReduceSum(encoded, undefined, { keepdims: 0 });
    const decoded = op.Add(rows(write), op.Mul(seen, 0));
    const logits = op.Reshape(op.Concat([decoded, decoded], { axis: 1 }), builder.ints(1, 3, 2));
    logits.shape = ['batch', 'decoder_sequence', 2];
    builder.output(logits, 'logits');
    const model = modelOf(builder.graph);
    const hidden = { [encoded.name]: 1, [decoded.name]: 10 };
    const { loss: total } = lossOf(model, builder, { loss: 'tokenCrossEntropy', distill: { hidden } });
    builder.output(total, 'loss');
    const row = (values: number[]) => ({ ...int64(values), dims: [1, values.length] }) as Tensor;
    const result = await evaluate(model, {
      input_ids: row([1, 2]),
      attention_mask: row([1, 0]), // the second counts nothing
      decoder_input_ids: row([4, 5, 6]),
      labels: row([0, -100, 1]),
      weights: float32([1]),
      [`teacher.${encoded.name}`]: float32([3, 100], [1, 2, 1]),
      [`teacher.${decoded.name}`]: float32([5, 100, 9], [1, 3, 1]),
    });
    expect(result.loss?.data[0]).toBeCloseTo(Math.log(2) + 4 + 10 * ((1 + 9) / 2), 4);
  });

  it('is 0 where no token has a label', async () => {
    expect((await loss('tokenCrossEntropy', each, text(new Array(6).fill(-100)), [1, 1])).value).toBe(0);
  });

  it('wants logits of tokens', async () => {
    await expect(loss('tokenCrossEntropy', float32([1, 2], [1, 2]), int64([0]), [1])).rejects.toThrow(
      'expected [batch, sequence, vocabulary]',
    );
  });
});
