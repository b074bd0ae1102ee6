import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  type AttentionLayer,
  attentionPenalty,
  attentionThresholds,
  clampDegrees,
  countWeights,
  countZeros,
  cutByKind,
  degrees,
  dominatingHeads,
  EPSILON,
  foldHead,
  inputSums,
  jointDegrees,
  type Kind,
  kinds,
  type Matrix,
  matricesOf,
  neuronPenalty,
  type PrunableLayer,
  planHeads,
  representatives,
  scores,
  similarHeads,
  softThreshold,
  trim,
  weightedL1,
} from './index.js';

const file = path.resolve(import.meta.dirname, '../../../../shared/golden/neuroprune/arithmetic.json');
const present = existsSync(file);

interface Golden {
  epsilon: number;
  heads: (Record<'query' | 'key' | 'value' | 'value_bias' | 'output' | 'output_bias', number[]> &
    Record<'folded_output' | 'folded_output_bias' | 'dominating' | 'representative' | 'kept', number[]> &
    Record<'heads' | 'head_size' | 'hidden' | 'theta', number> & { name: string; similar: number[][] })[];
  mlp: (Record<'shape' | 'weight' | 'connectivity' | 'gradient' | 'proximal', number[]> &
    Record<'value' | 'lr' | 'alpha', number> & { neuron: 'row' | 'column' })[];
  joint: (Record<'units' | 'hidden' | 'value', number> &
    Record<'l_in' | 'l_out' | 'connectivity' | 'gradient_in' | 'gradient_out', number[]>)[];
  threshold: (Record<'hidden' | 'units' | 'gamma' | 'target' | 'asked' | 'total' | 'zeros', number> &
    Record<'weights' | 'scores' | 'kept' | 'final_kept', Record<string, number[]>[]>)[];
  attention: (Record<'shape' | 'query' | 'key' | 'value_' | 'row_sums', number[]> &
    Record<'value' | 'lr' | 'beta', number> & { gradients: number[][]; proximal: number[][] })[];
}

const golden: Golden = present
  ? JSON.parse(readFileSync(file, 'utf8'))
  : { epsilon: EPSILON, heads: [], mlp: [], joint: [], threshold: [], attention: [] };

const matrix = (name: string, rows: number, cols: number, data: readonly number[]): Matrix => ({
  name,
  rows,
  cols,
  data: Float32Array.from(data),
});

/** Compares to float32 precision, relative to the largest expected magnitude. */
function close(actual: ArrayLike<number>, expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length);
  const scale = expected.reduce((max, v) => Math.max(max, Math.abs(v)), 1);
  expected.forEach((value, i) => {
    expect(Math.abs(actual[i]! - value), `entry ${i}: ${actual[i]} for ${value}`).toBeLessThanOrEqual(1e-6 * scale);
  });
}

test.skipIf(!present)('epsilon (skipped, with all golden values, where ../shared is not beside the repository)', () => {
  expect(EPSILON).toBe(golden.epsilon);
});

describe.each(golden.heads)('heads, $name', (c) => {
  const layer = (): AttentionLayer => ({
    query: Float32Array.from(c.query),
    key: Float32Array.from(c.key),
    value: Float32Array.from(c.value),
    output: Float32Array.from(c.output),
    valueBias: Float32Array.from(c.value_bias),
    outputBias: Float32Array.from(c.output_bias),
    heads: c.heads,
    hidden: c.hidden,
  });

  test('similarity, dominating heads, representatives', () => {
    const similar = similarHeads(c, c.theta);
    expect(similar.map((row) => row.map(Number))).toEqual(c.similar);
    expect(dominatingHeads(similar)).toEqual(c.dominating);
    expect(representatives(c.dominating)).toEqual(c.representative);
  });

  test('folded output projection and bias', () => {
    const folded = layer();
    c.representative.forEach((into, head) => {
      if (into !== head) foldHead(folded, head, into);
    });
    close(folded.output, c.folded_output);
    close(folded.outputBias!, c.folded_output_bias);
  });

  test('the plan at this theta', () => {
    const plan = planHeads([layer()], { theta: c.theta });
    expect(plan.layers[0]!.flatMap(({ fate }, head) => (fate === 'kept' ? [head] : []))).toEqual(c.kept);
  });
});

test.each(golden.mlp)('weighted l1 of a $neuron', (c) => {
  const [rows, cols] = c.shape as [number, number];
  const w = matrix('w', rows, cols, c.weight);
  const degree = clampDegrees(degrees(w, c.neuron), c.neuron === 'row' ? cols : rows);
  close(degree, c.connectivity);
  const { value, gradient } = weightedL1(w, degree, c.neuron);
  close([value], [c.value]);
  close(gradient, c.gradient);
  softThreshold(
    w,
    degree.map((d) => (c.lr * c.alpha) / d),
    c.neuron,
  );
  close(w.data, c.proximal);
});

test.each(golden.joint)('one degree a unit, $units units', (c) => {
  const mlp = {
    intermediate: [matrix('in', c.units, c.hidden, c.l_in)],
    contraction: matrix('out', c.hidden, c.units, c.l_out),
  };
  close(clampDegrees(jointDegrees(mlp), c.hidden), c.connectivity);
  const { value, gradients } = neuronPenalty(mlp, 'joint');
  close([value], [c.value]);
  close(gradients[0]!, c.gradient_in);
  close(gradients[1]!, c.gradient_out);
});

test.each(golden.attention)('group penalty over input dimensions, $shape', (c) => {
  const [rows, cols] = c.shape as [number, number];
  const qkv = [c.query, c.key, c.value_].map((data, i) => matrix(`${i}`, rows, cols, data));
  close(inputSums(qkv), c.row_sums);
  const { value, gradients } = attentionPenalty(qkv);
  close([value], [c.value]);
  const thresholds = attentionThresholds(qkv, c.lr * c.beta);
  qkv.forEach((m, i) => {
    close(gradients[i]!, c.gradients[i]!);
    softThreshold(m, thresholds, 'column');
    close(m.data, c.proximal[i]!);
  });
});

describe.each(golden.threshold)('threshold solver, $target of $total', (c) => {
  const layers = (): PrunableLayer[] =>
    c.weights.map((w) => ({
      query: matrix('query', c.hidden, c.hidden, w.query!),
      key: matrix('key', c.hidden, c.hidden, w.key!),
      value: matrix('value', c.hidden, c.hidden, w.value!),
      output: matrix('output', c.hidden, c.hidden, w.output!),
      intermediate: [matrix('l_in', c.units, c.hidden, w.l_in!)],
      contraction: matrix('l_out', c.hidden, c.units, w.l_out!),
      biases: {},
      heads: 1,
    }));
  const expected = (table: Record<string, number[]>[], kind?: Kind) =>
    matricesOf(layers(), kind).map(({ name }, i, { length }) => table[Math.floor((i * table.length) / length)]![name]!);
  const kept = (ls: readonly PrunableLayer[]) => matricesOf(ls).map((m) => Array.from(m.data, (w) => Number(w !== 0)));

  test('scores', () => {
    for (const kind of kinds)
      scores(layers(), kind, { gamma: c.gamma }).forEach((actual, i) => {
        close(actual, expected(c.scores, kind)[i]!);
      });
  });

  test('cut of each kind, then the exact trim', () => {
    const ls = layers();
    cutByKind(ls, c.target, { gamma: c.gamma });
    expect(kept(ls)).toEqual(expected(c.kept));
    trim(matricesOf(ls), c.asked);
    expect(kept(ls)).toEqual(expected(c.final_kept));
    expect(countZeros(matricesOf(ls))).toBe(c.zeros);
    expect(countWeights(matricesOf(ls))).toBe(c.total);
  });
});
