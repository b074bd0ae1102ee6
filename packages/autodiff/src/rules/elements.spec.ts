import {
  codeOf,
  float16Bits,
  fromFloat16Bits,
  GraphBuilder,
  lift,
  type Model,
  modelOf,
  type Tensor,
  tensor,
  type Value,
} from '@neuroprune/onnx';
import { describe, expect, it } from 'vitest';
import { evaluate } from '../../test/evaluate.js';
import type { Row } from '../../test/rows/row.js';
import { rows } from '../../test/rows/rows.js';
import { backward } from '../backward.js';
import { isFloat } from './selection.js';

/** The row's real inputs as numbers that float16 holds. */
const rounded = (t: Tensor): Tensor =>
  t.dtype === 'float64' || t.dtype === 'float32'
    ? tensor(
        'float32',
        t.dims,
        Float32Array.from(t.data as Float64Array, (x) => fromFloat16Bits(float16Bits(x))),
      )
    : t;

/** Gradients of Σ y² in an element type, which the operands are cast to, as float32; and their types before. */
function inType({ inputs, build }: Row, dtype: 'float16' | 'bfloat16' | 'float32') {
  const builder = new GraphBuilder();
  const { op } = builder;
  const cast = (v: Value) => op.Cast(v, { to: codeOf(dtype) });
  const given = inputs.map((t, i) => builder.input(`x${i}`, t.dtype, t.dims));
  const x = given.map((v) => (isFloat(v) ? cast(v) : v));
  const made = [build(op, x, builder)].flat().filter((v) => isFloat(v));
  const squares = made.map((y) => op.Cast(op.ReduceSum(op.Mul(y, y), undefined, { keepdims: 0 }), { to: 1 }));
  const loss = squares.reduce((a, b) => op.Add(a, b));
  const wrt = x.filter((v) => isFloat(v));
  const results = backward(builder, loss, wrt);
  for (const [i, g] of results.entries()) builder.output(op.Cast(g, { to: 1 }), `g${i}`);
  return { model: lift(modelOf(builder.graph)).model, types: results.map((g) => g.dtype) };
}

/** What ONNX Runtime says where it lacks a kernel, or the operator set the type; types are checked against each other first. */
const LACKING =
  /Could not find an implementation|not supported with Scatter|Type 'tensor\(bfloat16\)' of input parameter/;

/** The results; undefined where ONNX Runtime has no kernel of the type. */
const results = (model: Model, feeds: Readonly<Record<string, Tensor>>) =>
  evaluate(model, feeds).catch((e: Error) => {
    if (LACKING.test(e.message)) return undefined;
    throw e;
  });

const cases = Object.entries(rows).filter(([type]) => type !== 'Cast');

describe('rules keep to the element type of their operands', () => {
  it.each(cases)('%s in float16', async (_, list) => {
    for (const row of list) {
      const inputs = row.inputs.map(rounded);
      const feeds = Object.fromEntries(inputs.map((t, i) => [`x${i}`, t]));
      const [half, single] = [inType({ ...row, inputs }, 'float16'), inType({ ...row, inputs }, 'float32')];
      expect(new Set(half.types)).toEqual(new Set(['float16']));
      const got = await results(half.model, feeds);
      if (!got) continue;
      const want = await evaluate(single.model, feeds);
      for (const [name, { data }] of Object.entries(want)) {
        const exact = Array.from(data as Float32Array);
        const size = Math.max(1, ...exact.map(Math.abs));
        exact.forEach((x, i) => {
          const y = Number(got[name]?.data[i]);
          expect(Math.abs(x - y), `${name}[${i}]: ${y} for ${x}`).toBeLessThan(0.02 * size);
        });
      }
    }
  });

  it.each(cases)('%s in bfloat16', async (_, list) => {
    for (const row of list) {
      const inputs = row.inputs.map(rounded);
      const { model, types } = inType({ ...row, inputs }, 'bfloat16');
      expect(new Set(types)).toEqual(new Set(['bfloat16']));
      await results(model, Object.fromEntries(inputs.map((t, i) => [`x${i}`, t])));
    }
  });
});
