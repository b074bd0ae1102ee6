import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { OpType } from '../ops.js';
import { ops } from '../ops.js';
import { firstSet, formIn, KNOWN_SETS } from './forms.js';

interface Form {
  readonly in?: readonly string[];
  readonly attrs?: Readonly<Record<string, string>>;
}
const file = path.join(import.meta.dirname, '../../fixtures/operators/history.json');
const { operators } = JSON.parse(readFileSync(file, 'utf8')) as { operators: Record<string, [number, Form][]> };
const sets = Array.from({ length: KNOWN_SETS.to - KNOWN_SETS.from + 1 }, (_, i) => KNOWN_SETS.from + i);
const types = Object.keys(ops) as OpType[];
const mark = (input: string) => (input.startsWith('...') ? '...' : input.endsWith('?') ? '?' : '');

describe('forms of operators in sets 11 to 25, against the schemas of ONNX', () => {
  it.each(sets)('set %i', (set) => {
    for (const type of types) {
      const form = operators[type]?.findLast(([from]) => from <= set);
      expect(operators[type] && !form ? set : 0, `${type} is there`).toBeLessThan(firstSet(type));
      if (form) expect(firstSet(type), `${type} is there`).toBeLessThanOrEqual(set);
      const got = formIn(type, set);
      const [, schema] = form ?? [];
      // Deprecated ones have no form in the record.
      if (!schema?.in || !got) continue;
      expect([type, got.in.map(mark), got.attrs ?? {}]).toEqual([type, schema.in, schema.attrs]);
    }
  });

  it('are left out only where the operator had others', () => {
    for (const type of types)
      for (const set of sets.filter((s) => s >= firstSet(type))) {
        if (formIn(type, set)) continue;
        const [, newest] = operators[type]?.at(-1) ?? [];
        const [, then] = operators[type]?.findLast(([from]) => from <= set) ?? [];
        expect(then, `${type} in ${set}`).not.toEqual(newest);
      }
  });

  it.each([10, 26])('none are claimed in set %i', (set) => {
    expect(types.filter((type) => formIn(type, set))).toEqual([]);
  });
});
