/**
 * Dropout from a counter: the mask of (seed, step, site, row, column) is a pure function, written with Add, Sub, Mul,
 * Floor and MatMul on integers that float32 holds exactly, so that its bits are the same on every provider.
 *
 * Each row gets 8 words A (11 bits, hashed from seed and step), each column of a site 8 words C (10 bits, fixed); an
 * element is dropped when Σ A·C mod 2¹¹, an inner-product hash, falls below its rate. Sums stay below 2²⁴ and words
 * within the 11 bits that TF32 multiplies exactly. Rates are rounded to multiples of 2⁻¹¹.
 */
import { type Dim, float32, type GraphBuilder, Node, product, sizeOf, type Value } from '@neuroprune/onnx';
import { AutodiffError } from './errors.js';
import { shapeOf } from './like.js';

/** Words a row and a column have. */
const WORDS = 8;
/** Words are kept as fractions of this. */
const RANGE = 2 ** 11;
/** Words of columns are integers below this. */
const COLUMN_RANGE = 2 ** 10;
/** Keys of the columns' hash: any numbers below `RANGE`, the same for ever, since masks depend on them. */
const COLUMN_KEYS = [577, 1325, 1811, 293].map((key) => key / RANGE);
const KEY_INPUTS = ['dropout.key0', 'dropout.key1', 'dropout.key2', 'dropout.key3'] as const;

/** Positions beyond `RANGE` move the word by this much for every `RANGE`. */
const ROW_STRIDE = WORDS / RANGE;
const COLUMN_STRIDE = 1361 / RANGE;

/** One `Dropout` node that training keeps. */
interface Site {
  readonly node: Node;
  readonly x: Value;
  /** Number among all `Dropout` nodes of the graph. */
  readonly index: number;
  readonly rate: number;
}

/** Replaces `Dropout` nodes by the generator, all at `rate` when one is given; returns the scalar inputs it needs. */
export function replaceDropout(builder: GraphBuilder, rate?: number): readonly string[] {
  const nodes = builder.graph.nodes.filter((n) => n.opType === 'Dropout' && n.domain === '');
  const sites = nodes.map(
    (node, index): Site => ({ node, x: node.inputs[0] as Value, index, rate: rate ?? rateOf(node) }),
  );
  for (const site of sites) checkRate(site);
  const kept = sites.filter((site) => Math.round(site.rate * RANGE) > 0);
  if (kept.length === 0) return [];
  const rows = rowWords(builder, kept);
  const columns = columnWords(builder, kept);
  for (const site of kept) {
    const mask = maskOf(builder, site, rows.get(site) as Value, columns.get(site) as Value);
    const [y] = site.node.outputs;
    builder.graph.nodes[builder.graph.nodes.indexOf(site.node)] = new Node('Mul', [site.x, mask], [y as Value]);
  }
  return KEY_INPUTS;
}

function rateOf({ name, inputs: [, ratio] }: Node): number {
  if (!ratio) return 0.5; // ONNX's default
  const value = ratio.tensor?.data[0];
  if (typeof value !== 'number')
    throw new AutodiffError(`Dropout '${name}': expected a constant ratio, got a computed one`);
  return value;
}

function checkRate({ node, rate }: Site): void {
  if (!(rate >= 0 && rate < 1))
    throw new AutodiffError(`Dropout '${node.name}': expected a rate in [0, 1), got ${rate}`);
}

/** 0 or 1/(1 - rate) for every element of the site's input. */
function maskOf(builder: GraphBuilder, { x, rate }: Site, rows: Value, columns: Value): Value {
  const { op } = builder;
  const keep = 1 - Math.round(rate * RANGE) / RANGE;
  const uniform = fraction(builder, op.MatMul(rows, columns)); // [rows, columns]
  const mask = op.Mul(op.Floor(op.Add(uniform, keep)), 1 / keep);
  return x.rank === 2 ? mask : op.Reshape(mask, shapeOf(builder, x));
}

/** The words of each site's rows, [rows, WORDS] as fractions; every site takes the first rows of one table. */
function rowWords(builder: GraphBuilder, sites: readonly Site[]): Map<Site, Value> {
  const { op } = builder;
  const keys = KEY_INPUTS.map((name) => builder.input(name, 'float32', []));
  const groups = groupBy(sites, rowExtent);
  const counts = groups.map(([site]) => extent(builder, site, rowExtent(site)));
  const most = counts.length > 1 ? op.Max(counts) : (counts[0] as Value);
  const words = constant(builder, [1, WORDS], (i) => i / RANGE);
  const table = hashed(builder, words, op.Unsqueeze(upTo(builder, most), builder.ints(1)), ROW_STRIDE, keys);
  return perSite(groups, (_, i) => {
    const count = op.Unsqueeze(counts[i] as Value, builder.ints(0));
    return counts.length > 1 ? op.Slice(table, builder.ints(0), count, builder.ints(0)) : table;
  });
}

/** The words of each site's columns, [WORDS, columns] as integers, made together for sites of the same width. */
function columnWords(builder: GraphBuilder, sites: readonly Site[]): Map<Site, Value> {
  const { op } = builder;
  const groups = groupBy(sites, columnExtent);
  const tables = groups.map((group) => {
    const numbers = group.flatMap(({ index }) => Array.from({ length: WORDS }, (_, k) => index * WORDS + k));
    const words = constant(builder, [numbers.length, 1], (i) => ((numbers[i] as number) % RANGE) / RANGE);
    const positions = op.Unsqueeze(upTo(builder, extent(builder, group[0], columnExtent(group[0]))), builder.ints(0));
    const hash = hashed(builder, words, positions, COLUMN_STRIDE, COLUMN_KEYS);
    const table = op.Floor(op.Mul(hash, COLUMN_RANGE));
    return group.length > 1 ? op.Split(table, { axis: 0, num_outputs: group.length }) : [table];
  });
  return perSite(groups, (site, i) => tables[i]?.[groups[i]?.indexOf(site) ?? 0] as Value);
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

const fraction = ({ op }: GraphBuilder, x: Value): Value => op.Sub(x, op.Floor(x));

/** 0, 1, … as float32. */
function upTo(builder: GraphBuilder, count: Value): Value {
  const { op } = builder;
  return op.Cast(op.Range(builder.scalar(0, 'int64'), count, builder.scalar(1, 'int64')), { to: 1 });
}

/** A dimension as an int64 scalar, from the graph's inputs: a site's own shape would make its mask wait for its values. */
function extent(builder: GraphBuilder, { node }: Site, dim: Dim): Value {
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

const rowExtent = ({ x }: Site): Dim => product(x.shape?.slice(0, -1) ?? [null]);
const columnExtent = ({ x }: Site): Dim => x.shape?.at(-1) ?? null;

const constant = (builder: GraphBuilder, dims: readonly number[], at: (i: number) => number): Value =>
  builder.constant(
    float32(
      Float32Array.from({ length: sizeOf(dims) }, (_, i) => at(i)),
      dims,
    ),
  );

type Group = readonly [Site, ...Site[]];

function groupBy(sites: readonly Site[], keyOf: (site: Site) => Dim): Group[] {
  const groups = new Map<Dim, [Site, ...Site[]]>();
  for (const site of sites) {
    const group = groups.get(keyOf(site));
    if (group) group.push(site);
    else groups.set(keyOf(site), [site]);
  }
  return [...groups.values()];
}

const perSite = (groups: readonly Group[], value: (site: Site, group: number) => Value): Map<Site, Value> =>
  new Map(groups.flatMap((group, i) => group.map((site) => [site, value(site, i)] as const)));

/** The scalar inputs of one step's masks: the hash of seed and step as four 11-bit fractions. */
export function dropoutScalars(seed: number, step: number): Record<(typeof KEY_INPUTS)[number], number> {
  const first = mixed((seed >>> 0) ^ Math.imul(step, 0x9e3779b1));
  const second = mixed(first ^ Math.imul(step + 1, 0x85ebca6b));
  const keys = [first, first >>> 11, second, second >>> 11].map((bits) => (bits & (RANGE - 1)) / RANGE);
  return Object.fromEntries(KEY_INPUTS.map((name, i) => [name, keys[i]])) as ReturnType<typeof dropoutScalars>;
}

/** The finalizer of MurmurHash3 (public domain, A. Appleby): every input bit changes half of the output bits. */
function mixed(x: number): number {
  let h = x >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
