import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DType } from '../dtype.js';
import { type Attribute, Node, Value } from '../model.js';
import type { Dim } from '../shape.js';
import { float32, int64, type Tensor, tensor } from '../tensor.js';
import { inferNode } from './infer.js';
import type { TypeInfo } from './rule.js';

type Type = readonly [dtype: DType | null, dims: readonly Dim[] | null] | null;
type Numbers = readonly (number | boolean)[];

interface Row {
  readonly op: string;
  readonly opset: number;
  readonly in: readonly (readonly [DType, readonly number[], Numbers?] | null)[];
  readonly attrs: Readonly<Record<string, readonly [string, unknown]>>;
  /** The types of ONNX's recorded results; null where nothing is recorded. */
  readonly out: readonly Type[];
  /** The types that ONNX infers. */
  readonly onnx: readonly Type[];
  /** Those it infers when each size above 1 is a name. */
  readonly symbolic?: readonly Type[];
}

const file = path.join(import.meta.dirname, '../../fixtures/operators/inference.json');
const { rows } = JSON.parse(readFileSync(file, 'utf8')) as { rows: readonly Row[] };

function content(dtype: DType, dims: readonly number[], values: Numbers): Tensor {
  if (dtype === 'int64') return int64(values.map(Number), dims);
  if (dtype === 'float32') return float32(values.map(Number), dims);
  return dtype === 'bool'
    ? tensor('bool', dims, Uint8Array.from(values, Number))
    : tensor('int32', dims, Int32Array.from(values, Number));
}

function attribute([type, value]: readonly [string, unknown]): Attribute {
  if (type !== 'tensor') return { type, value } as Attribute;
  return { type, value: content(...(value as [DType, number[], Numbers])) };
}

/** The row's node; with names, equal sizes above 1 are the same name, as in the script that wrote the rows. */
function nodeOf(row: Row, named: boolean): Node {
  const names = new Map<number, string>();
  const name = (d: number): Dim => {
    if (d <= 1) return d;
    if (!names.has(d)) names.set(d, `d${names.size}`);
    return names.get(d) as string;
  };
  const inputs = row.in.map((operand, i) => {
    if (!operand) return undefined;
    const [dtype, dims, values] = operand;
    const value = new Value(`x${i}`, dtype, named && !values ? dims.map(name) : dims);
    if (values) value.tensor = content(dtype, dims, values);
    return value;
  });
  const attributes = Object.fromEntries(Object.entries(row.attrs).map(([key, a]) => [key, attribute(a)]));
  return new Node(
    row.op,
    inputs,
    row.onnx.map((_, i) => new Value(`y${i}`)),
    attributes,
  );
}

/** Where a claim contradicts another; what either does not know is no contradiction, nor are two names for one size. */
function contradictions(claim: TypeInfo | undefined, other: Type | undefined): string[] {
  if (!claim || !other) return [];
  const [dtype, dims] = other;
  const found = dtype && claim.dtype && claim.dtype !== dtype ? [`${claim.dtype}, not ${dtype}`] : [];
  if (!claim.shape || !dims) return found;
  if (claim.shape.length !== dims.length) return [...found, `[${claim.shape}], not [${dims}]`];
  const wrong = claim.shape.some((d, i) => typeof d === 'number' && typeof dims[i] === 'number' && d !== dims[i]);
  return wrong ? [...found, `[${claim.shape}], not [${dims}]`] : found;
}

/** What the other knows and the claim does not. */
function gaps(claim: TypeInfo | undefined, other: Type | undefined): string[] {
  if (!other) return [];
  const [dtype, dims] = other;
  const missing = dtype && !claim?.dtype ? [`no type, ${dtype} expected`] : [];
  if (!dims) return missing;
  const lacks = !claim?.shape || dims.some((d, i) => typeof d === 'number' && typeof claim.shape?.[i] !== 'number');
  return lacks ? [...missing, `[${claim?.shape ?? '?…'}], [${dims}] expected`] : missing;
}

const cases = rows.map((row, i) => ({ row, name: `${row.op}-${row.opset}`, i }));

describe("shape rules against ONNX's", () => {
  it.each(cases)('$name, row $i', ({ row }) => {
    const known = inferNode(nodeOf(row, false), row.opset);
    const found = row.onnx.flatMap((theirs, i) => [
      ...contradictions(known[i], row.out[i]),
      ...contradictions(known[i], theirs),
      ...gaps(known[i], theirs),
    ]);
    if (row.symbolic) {
      const named = inferNode(nodeOf(row, true), row.opset);
      found.push(...row.symbolic.flatMap((t, i) => [...contradictions(named[i], t), ...gaps(named[i], t)]));
    }
    expect(found).toEqual([]);
  });
});
