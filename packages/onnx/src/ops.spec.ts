import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { OPSET } from './model.js';
import { type OpSpec, ops } from './ops.js';

interface Schema {
  readonly in: readonly ('' | '?' | '...')[];
  readonly attrs: Readonly<Record<string, string>>;
  readonly out: readonly [least: number, most: number | '...'];
  readonly since: number;
}

const file = path.join(import.meta.dirname, '../fixtures/operators/schemas.json');
const { operators } = JSON.parse(readFileSync(file, 'utf8')) as { operators: Record<string, Schema> };
const table: Readonly<Record<string, OpSpec>> = ops;

const mark = (input: string) => (input.startsWith('...') ? '...' : input.endsWith('?') ? '?' : '');

/** Results a node has: the shape rule says how many, or a number, or a range. */
const results = ({ out = 1, outs }: OpSpec): Schema['out'] => outs ?? (out === '...' ? [1, '...'] : [out, out]);

describe('the operator table against the schemas of ONNX', () => {
  it('has every operator of operator set 25, and no other', () => {
    expect(Object.keys(table).sort()).toEqual(Object.keys(operators).sort());
  });

  it.each(Object.entries(operators))('%s', (name, schema) => {
    const spec = table[name] as OpSpec;
    expect(spec.in.map(mark)).toEqual(schema.in);
    expect(spec.attrs ?? {}).toEqual(schema.attrs);
    expect(results(spec)).toEqual(schema.out);
    expect(spec.since).toBe(schema.since > OPSET ? schema.since : undefined);
  });
});
