import { describe, expect, it } from 'vitest';
import { run } from '../../test/run.js';
import { codeOf, type Dim, float32, GraphBuilder, int64, modelOf, tensor, type Value } from '../index.js';

const sizes: Readonly<Record<string, number>> = { n: 2, m: 3 };
const concrete = (dim: Dim): Dim =>
  typeof dim === 'string' ? dim.split('*').reduce((p, name) => p * (sizes[name] ?? Number(name)), 1) : dim;

type Build = (b: GraphBuilder, shape: Value) => Value;

// The operand is the shape [n, m, 4] of an input; the elements that inference must know are beside.
const table: Readonly<Record<string, readonly [Build, readonly Dim[]]>> = {
  'a product': [({ op }, s) => op.ReduceProd(s, undefined, { keepdims: 0 }), ['4*m*n']],
  'a whole number of parts': [(b, s) => b.op.Div(b.op.Mul(s, 6), 2), ['3*n', '3*m', 12]],
  'sizes times, then by numbers': [(b, s) => b.op.Div(b.op.Mul(s, 6), b.ints(6, 6, 5)), ['n', 'm', 4]],
  'division towards zero': [(b) => b.op.Div(b.ints(-7, 7), b.ints(2, -2)), [-3, -3]],
  'remainders with the sign of the divisor': [
    (b) => b.op.Mod(b.ints(-7, 7, 7, -6), b.ints(3, -3, 3, 3)),
    [2, -2, 1, 0],
  ],
  'remainders with the sign of the dividend': [(b) => b.op.Mod(b.ints(-7, 7), b.ints(3, -3), { fmod: 1 }), [-1, 1]],
  'a size less itself': [(b, s) => b.op.Sub(s, s), [0, 0, 0]],
  'nothing added': [(b, s) => b.op.Add(s, 0), ['n', 'm', 4]],
  'a choice by what is no size': [(b, s) => b.op.Where(b.op.Equal(s, -1), b.ints(9, 9, 9), s), ['n', 'm', 4]],
  'a target of Expand as exporters write it': [
    (b, s) => {
      const target = b.op.Concat([b.op.Gather(s, b.ints(0)), b.ints(-1)], { axis: 0 });
      const ones = b.op.ConstantOfShape(b.op.Shape(target), { value: int64([1]) });
      return b.op.Where(b.op.Equal(target, b.op.Mul(ones, -1)), ones, target);
    },
    ['n', 1],
  ],
  'a choice by comparison': [(b, s) => b.op.Where(b.op.Less(b.op.Gather(s, b.ints(2)), 5), b.ints(1), b.ints(2)), [1]],
  'truth values as numbers': [
    (b) => b.op.Cast(b.op.Not(b.op.Greater(b.ints(1, 5), 3)), { to: codeOf('int64') }),
    [1, 0],
  ],
  'numbers as truth values': [
    (b) => b.op.Cast(b.op.Cast(b.ints(0, 5), { to: codeOf('bool') }), { to: codeOf('int64') }),
    [0, 1],
  ],
  'backwards, past the start': [(b, s) => b.op.Slice(s, b.ints(-1), b.ints(-9), b.ints(0), b.ints(-2)), [4, 'n']],
  'every other, past the end': [(b, s) => b.op.Slice(s, b.ints(0), b.ints(9), b.ints(0), b.ints(2)), ['n', 4]],
  'columns beside each other are not one after the other': [
    (b, s) => {
      const column = b.op.Unsqueeze(s, b.ints(1));
      return b.op.Reshape(b.op.Concat([column, column], { axis: 1 }), b.ints(-1));
    },
    [],
  ],
  'rows one after the other': [
    (b, s) => {
      const row = b.op.Unsqueeze(s, b.ints(0));
      return b.op.Reshape(b.op.Concat([row, row], { axis: 0 }), b.ints(-1));
    },
    ['n', 'm', 4, 'n', 'm', 4],
  ],
  'a range': [(b) => b.op.Range(b.scalar(5, 'int64'), b.scalar(0, 'int64'), b.scalar(-2, 'int64')), [5, 3, 1]],
  'one size for all': [(b, s) => b.op.Expand(b.op.Gather(s, b.ints(1)), b.ints(2)), ['m', 'm']],
  'the larger and the smaller': [
    (b, s) => b.op.Concat([b.op.Max([s, s]), b.op.Min([b.ints(3, 1), b.ints(2, 5)])], { axis: 0 }),
    ['n', 'm', 4, 2, 1],
  ],
  'a number of elements': [(b) => b.op.Size(b.graph.inputs[0] as Value), ['4*m*n']],
  distances: [(b) => b.op.Abs(b.op.Neg(b.ints(3, -4))), [3, 4]],
  'a sum of nothing, where no axes mean none': [
    (b) => b.op.ReduceSum(b.ints(2, 3), b.constant(int64([], [0])), { noop_with_empty_axes: 1 }),
    [],
  ],
};

describe('computed shapes', () => {
  it.each(Object.entries(table))('%s', async (_, [build, known]) => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', ['n', 'm', 4]);
    const y = b.output(build(b, b.op.Shape(x)), 'y');
    expect(y.elements ?? []).toEqual(known);
    const { y: real } = await run(modelOf(b.graph), { x: float32(new Float32Array(24), [2, 3, 4]) });
    if (y.elements) expect(y.elements.map(concrete)).toEqual(Array.from(real?.data as BigInt64Array, Number));
  });

  it('keep no truth values of strings or floats', () => {
    const b = new GraphBuilder();
    const text = b.constant(tensor('string', [1], ['a']));
    expect(b.op.Equal(text, text).elements).toBeUndefined();
    expect(b.op.Less(b.scalar(1), b.scalar(2)).elements).toBeUndefined();
  });
});
