import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { OnnxError } from '../errors.js';
import { type Attribute, Node, Value } from '../model.js';
import type { Dim } from '../shape.js';
import { float32, int64, type Tensor } from '../tensor.js';
import { inferNode } from './infer.js';

interface Row {
  readonly op: string;
  readonly opset: number;
  readonly in: readonly (readonly [dtype: string, dims: readonly number[], values?: unknown] | null)[];
  readonly attrs: Readonly<Record<string, readonly [string, unknown]>>;
  readonly onnx: readonly unknown[];
}

const file = path.join(import.meta.dirname, '../../fixtures/operators/inference.json');
const { rows } = JSON.parse(readFileSync(file, 'utf8')) as { rows: readonly Row[] };
const seed = Number(process.env.NEUROPRUNE_SEED ?? 1);
const rounds = process.env.NEUROPRUNE_CHECK === 'full' ? 400 : 40;

/** mulberry32: the same numbers every time. */
function random(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const next = random(seed);
const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
const often = <T>(value: T, other: () => T): T => (next() < 0.6 ? value : other());

const odd = [0, 1, -1, 2, -2, 3, 64, 65, 2 ** 31, -(2 ** 31), 2 ** 53, 2 ** 62, -(2 ** 62), 0.5, -1e30];
const integer = (): number => Math.trunc(pick(odd));
const dim = (): Dim => pick<Dim>([0, 1, 2, 7, 2 ** 31, 2 ** 53, 'n', 'm', '2*n', null]);
const list = <T>(make: () => T): T[] => Array.from({ length: Math.floor(next() * 6) }, make);

function constant(): Tensor {
  return next() < 0.7
    ? int64(list(integer))
    : float32(list(() => pick([...odd, Number.NaN, Number.POSITIVE_INFINITY])));
}

function operand(given: Row['in'][number]): Value | undefined {
  if (!given || next() < 0.05) return undefined;
  const [dtype, dims] = given;
  const value = new Value('x', dtype as 'float32');
  value.shape = often<readonly Dim[] | undefined>(dims, () => pick([undefined, list(dim), dims.map(dim)]));
  if (given[2] !== undefined || next() < 0.1) {
    value.tensor = constant();
    if (next() < 0.8) value.shape = value.tensor.dims;
  }
  return value;
}

function attribute([type, value]: readonly [string, unknown]): Attribute | undefined {
  const other: { readonly [type: string]: () => unknown } = {
    int: integer,
    float: () => pick(odd),
    ints: () => list(integer),
    floats: () => list(() => pick(odd)),
    string: () => pick(['', 'SAME_UPPER', 'constructor', 'not_larger']),
  };
  if (next() < 0.1 || type === 'tensor') return undefined;
  return { type, value: next() < 0.5 ? value : (other[type]?.() ?? value) } as Attribute;
}

/** A row's node with anything about it changed. */
function mutated(row: Row): Node {
  const attributes = Object.entries(row.attrs).flatMap(([name, a]) => {
    const changed = attribute(a);
    return changed ? [[name, changed] as const] : [];
  });
  const inputs = row.in
    .slice(
      0,
      often(row.in.length, () => Math.floor(next() * row.in.length)),
    )
    .map(operand);
  const outputs = row.onnx.map(() => new Value('y'));
  return new Node(row.op, inputs, outputs, Object.fromEntries(attributes));
}

const isDim = (d: Dim): boolean => typeof d !== 'number' || (Number.isSafeInteger(d) && d >= 0);

it(`whatever a node says, its shape is one, or the error says why (seed ${seed})`, () => {
  const failures = new Set<string>();
  for (const row of rows) {
    for (let i = 0; i < rounds; i++) {
      const node = mutated(row);
      try {
        const types = inferNode(node, pick([row.opset, 1, 9, 13, 25]));
        if (types.length > 100) failures.add(`${row.op}: ${types.length} results`);
        if (types.some(({ shape }) => shape && (shape.length > 1000 || !shape.every(isDim)))) {
          failures.add(`${row.op}: [${types.map(({ shape }) => shape?.slice(0, 10))}]`);
        }
      } catch (cause) {
        if (!(cause instanceof OnnxError)) failures.add(`${row.op}: ${cause}`);
      }
    }
  }
  expect([...failures]).toEqual([]);
});
