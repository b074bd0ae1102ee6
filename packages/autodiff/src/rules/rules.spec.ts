import type { GraphBuilder, OpFunctions, Value } from '@neuroprune/onnx';
import { describe, expect, it } from 'vitest';
import { evaluate } from '../../test/evaluate.js';
import { kindsOf, wanted } from '../../test/rows/kinds.js';
import { full, type Row, random, seed } from '../../test/rows/row.js';
import { rows } from '../../test/rows/rows.js';
import { type GradientCase, gradcheck } from '../gradcheck.js';
import type { Differentiable } from '../rule.js';
import { rules } from './rules.js';

const directions = full ? 10 : 1;

// Central differences err by step²·f‴/6 + rounding/step: about 1e-9 in float64 with 1e-4, and 1e-3 in float32 with 1e-2.
const precise = { step: 1e-4, tolerance: 1e-6 };
const coarse = { step: 1e-2, tolerance: 3e-3 };

const testOf = ({ inputs, build }: Row): GradientCase => ({
  inputs,
  build: (b: GraphBuilder, x: Value[]) => build(b.op, x, b),
  ...(inputs.some((t) => t.dtype === 'float32') ? coarse : precise),
});

async function all(list: readonly Row[]): Promise<void> {
  for (const row of list) await gradcheck(testOf(row), evaluate, random);
}

describe(`gradient rules agree with finite differences in ONNX Runtime (seed ${seed})`, () => {
  it('have a row each', () => expect(Object.keys(rows).sort()).toEqual(Object.keys(rules).sort()));

  it.each(Object.keys(rules) as Differentiable[])('%s has rows of every kind it can have', (type) => {
    const kinds = new Set(rows[type].flatMap((row) => kindsOf(type, row)));
    expect(wanted(type).filter((kind) => !kinds.has(kind))).toEqual([]);
  });

  it.each(Object.entries(rows))('%s', async (_, list) => {
    expect(list.length).toBeGreaterThan(0);
    for (const row of list)
      for (const symbolic of row.fixed ? [false] : [false, true])
        for (let i = 0; i < directions; i++) await gradcheck({ ...testOf(row), symbolic }, evaluate, random);
  });
});

describe('a rule that is off by a tenth', () => {
  const table = rules as unknown as {
    [type: string]: (c: { op: OpFunctions }) => readonly (Value | null | undefined)[];
  };

  it.each(Object.entries(rows))('of %s fails in its rows', async (type, list) => {
    const rule = table[type]!;
    table[type] = (c) => rule(c).map((g) => g && c.op.Mul(g, 1.1));
    try {
      await expect(all(list)).rejects.toThrow('gradient: expected');
    } finally {
      table[type] = rule;
    }
  });
});
