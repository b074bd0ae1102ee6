/** The words of dropout's generator: a few integers a row and a column, hashed from the step's keys and the site. */
import { type Dim, float32, type GraphBuilder, type Node, product, sizeOf, type Value } from '@neuroprune/onnx';
import { AutodiffError } from './errors.js';

/** Words a row and a column have. */
export const WORDS = 8;
/** Words are kept as fractions of this. */
export const RANGE = 2 ** 11;
/** Words of columns are integers below this. */
const COLUMN_RANGE = 2 ** 10;
/** Keys of the columns' hash: any numbers below `RANGE`, the same for ever, since masks depend on them. */
const COLUMN_KEYS = [577, 1325, 1811, 293].map((key) => key / RANGE);
/** Scalar inputs that key a step's words, each below `RANGE`; `dropoutScalars` gives them. */
export const KEY_INPUTS = ['dropout.key0', 'dropout.key1', 'dropout.key2', 'dropout.key3'] as const;

/** Positions beyond `RANGE` move the word by this much for every `RANGE`. */
const ROW_STRIDE = WORDS / RANGE;
const COLUMN_STRIDE = 1361 / RANGE;

/** One `Dropout` node that training keeps. */
export interface Site {
  readonly node: Node;
  readonly x: Value;
  /** Number among all `Dropout` nodes of the graph. */
  readonly index: number;
  readonly rate: number;
}

/** Sites of one shape and rate whose masks are made as one. */
export type Draw = readonly [Site, ...Site[]];

/** The words of each draw's rows, [rows, WORDS] as fractions; every draw takes the first rows of one table. */
export function rowWords(builder: GraphBuilder, draws: readonly Draw[]): Map<Draw, Value> {
  const { op } = builder;
  const keys = KEY_INPUTS.map((name) => builder.input(name, 'float32', []));
  const groups = groupBy(draws, ([site]) => rowExtent(site));
  const counts = groups.map(([[site]]) => extent(builder, site, rowExtent(site)));
  const most = counts.length > 1 ? op.Max(counts) : (counts[0] as Value);
  const words = constant(builder, [1, WORDS], (i) => i / RANGE);
  const table = hashed(builder, words, op.Unsqueeze(upTo(builder, most), builder.ints(1)), ROW_STRIDE, keys);
  const tables = counts.map((count) => {
    if (counts.length === 1) return table;
    return op.Slice(table, builder.ints(0), op.Unsqueeze(count, builder.ints(0)), builder.ints(0));
  });
  return new Map(groups.flatMap((group, i) => group.map((draw) => [draw, tables[i] as Value] as const)));
}

/** The words of each draw's columns, [WORDS, columns] as integers, with an axis of sites before it for several. */
export function columnWords(builder: GraphBuilder, draws: readonly Draw[]): Map<Draw, Value> {
  const { op } = builder;
  const entries = groupBy(draws, ([site]) => columnExtent(site)).flatMap((group) => {
    const numbers = group.flat().flatMap(({ index }) => Array.from({ length: WORDS }, (_, k) => index * WORDS + k));
    const words = constant(builder, [numbers.length, 1], (i) => ((numbers[i] as number) % RANGE) / RANGE);
    const [[site]] = group;
    const positions = op.Unsqueeze(upTo(builder, extent(builder, site, columnExtent(site))), builder.ints(0));
    const hash = hashed(builder, words, positions, COLUMN_STRIDE, COLUMN_KEYS);
    const table = op.Floor(op.Mul(hash, COLUMN_RANGE));
    return cutByDraw(builder, table, group).map((part, i) => [group[i] as Draw, part] as const);
  });
  return new Map(entries);
}

/** A table of words cut into those of each draw. */
function cutByDraw(builder: GraphBuilder, table: Value, draws: readonly Draw[]): Value[] {
  const { op } = builder;
  if (draws.length === 1 && draws[0]?.length === 1) return [table];
  if (draws.every(({ length }) => length === 1)) return op.Split(table, { axis: 0, num_outputs: draws.length });
  const starts = draws.map((_, i) => WORDS * draws.slice(0, i).reduce((sum, { length }) => sum + length, 0));
  return draws.map(({ length }, i) => {
    const start = starts[i] as number;
    const axis = builder.ints(0);
    const own = op.Slice(table, builder.ints(start), builder.ints(start + WORDS * length), axis);
    if (length === 1) return own;
    return op.Reshape(own, builder.ints(length, WORDS, -1));
  });
}

/** Four rounds of a Feistel network over (word, position), both fractions of `RANGE`; [words, positions] broadcast. */
function hashed(
  builder: GraphBuilder,
  words: Value,
  positions: Value,
  stride: number,
  keys: readonly (Value | number)[],
): Value {
  const { op } = builder;
  const position = op.Mul(positions, 1 / RANGE);
  const beyond = op.Floor(position);
  let left = fraction(builder, op.Add(words, op.Mul(beyond, stride)));
  let right = op.Sub(position, beyond);
  for (const key of keys) {
    const shifted = fraction(builder, op.Add(right, key));
    // The middle bits of the square: ⌊s²/2⁵⌋ of the integer s = shifted·RANGE.
    const middle = op.Mul(op.Floor(op.Mul(op.Mul(shifted, shifted), RANGE ** 2 / 32)), 1 / RANGE);
    [left, right] = [right, fraction(builder, op.Add(left, middle))];
  }
  return right;
}

/** x - ⌊x⌋, element by element. */
export const fraction = ({ op }: GraphBuilder, x: Value): Value => op.Sub(x, op.Floor(x));

/** 0, 1, … as float32. */
function upTo(builder: GraphBuilder, count: Value): Value {
  const { op } = builder;
  return op.Cast(op.Range(builder.scalar(0, 'int64'), count, builder.scalar(1, 'int64')), { to: 1 });
}

/** A dimension as an int64 scalar, from the graph's inputs: a site's own shape would make its mask wait for its values. */
export function extent(builder: GraphBuilder, { node }: Site, dim: Dim): Value {
  const { op, graph } = builder;
  const factors = String(dim)
    .split('*')
    .map((part) => {
      if (/^\d+$/.test(part)) return builder.scalar(Number(part), 'int64');
      const input = graph.inputs.find((v) => v.shape?.includes(part));
      if (!input)
        throw new AutodiffError(`Dropout '${node.name}': expected dimensions of the graph's inputs, got ${dim}`);
      const at = input.shape?.indexOf(part) as number;
      return op.Squeeze(op.Shape(input, { start: at, end: at + 1 }), builder.ints(0));
    });
  return factors.reduce((a, b) => op.Mul(a, b));
}

/** Rows of a site's mask: the product of all its axes but the last; null where one is unknown. */
export const rowExtent = ({ x }: Site): Dim => product(x.shape?.slice(0, -1) ?? [null]);
/** Columns of a site's mask: the extent of its last axis; null where it is unknown. */
export const columnExtent = ({ x }: Site): Dim => x.shape?.at(-1) ?? null;

const constant = (builder: GraphBuilder, dims: readonly number[], at: (i: number) => number): Value =>
  builder.constant(
    float32(
      Float32Array.from({ length: sizeOf(dims) }, (_, i) => at(i)),
      dims,
    ),
  );

/** Items with one key together, in the order in which keys and items come first. */
export function groupBy<T>(items: readonly T[], keyOf: (item: T) => Dim): (readonly [T, ...T[]])[] {
  const groups = new Map<Dim, [T, ...T[]]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return [...groups.values()];
}
