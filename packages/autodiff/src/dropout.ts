/**
 * Dropout from a counter: the mask of (seed, step, site, row, column) is a pure function, written with Add, Sub, Mul,
 * Floor, MatMul and HardSigmoid on integers that float32 holds exactly, so that its bits are the same on every provider.
 *
 * Each row gets 8 words A (11 bits, hashed from seed and step), each column of a site 8 words C (10 bits, fixed); an
 * element is dropped when Σ A·C mod 2¹¹, an inner-product hash, falls below its rate. Sums stay below 2²⁴ and words
 * within the 11 bits that TF32 multiplies exactly. Rates are rounded to multiples of 2⁻¹¹.
 */
import { type GraphBuilder, Node, type Value } from '@neuroprune/onnx';
import {
  columnExtent,
  columnWords,
  type Draw,
  extent,
  fraction,
  groupBy,
  KEY_INPUTS,
  RANGE,
  rowExtent,
  rowWords,
  type Site,
} from './dropout-words.js';
import { AutodiffError } from './errors.js';
import { pieces } from './stacks.js';

/** What stands for the `Dropout` nodes. */
export interface Generator {
  /** Names of the scalar inputs that it reads. */
  readonly scalars: readonly string[];
  /** Nodes that make the masks; they are exact in float32 only. */
  readonly nodes: ReadonlySet<Node>;
  /** 0 or 1/(1 - rate) for every element of a site. */
  readonly masks: ReadonlySet<Value>;
}

/** How `Dropout` nodes are replaced. */
export interface DropoutOptions {
  /** One rate for all of them. */
  readonly rate?: number | undefined;
  /** Most masks that are made as one; fewer and larger operators, the same bits. */
  readonly together?: number | undefined;
}

/** Replaces `Dropout` nodes by the generator. */
export function replaceDropout(builder: GraphBuilder, { rate, together = 1 }: DropoutOptions = {}): Generator {
  const { graph } = builder;
  const given = new Set(graph.nodes);
  const sites = graph.nodes
    .filter((n) => n.opType === 'Dropout' && n.domain === '')
    .map((node, index): Site => ({ node, x: node.inputs[0] as Value, index, rate: rate ?? rateOf(node) }));
  for (const site of sites) checkRate(site);
  const kept = sites.filter((site) => Math.round(site.rate * RANGE) > 0);
  if (kept.length === 0) return { scalars: [], nodes: new Set(), masks: new Set() };
  const draws = groupBy(
    kept,
    (site) => `${rowExtent(site)} | ${columnExtent(site)} | ${site.x.shape} | ${site.rate}`,
  ).flatMap((group) => pieces(group, together) as unknown as Draw[]);
  const rows = rowWords(builder, draws);
  const columns = columnWords(builder, draws);
  const masks = new Map(draws.flatMap((draw) => masksOf(builder, draw, rows.get(draw), columns.get(draw))));
  const nodes = new Set(graph.nodes.filter((node) => !given.has(node)));
  for (const [{ node, x }, mask] of masks)
    graph.nodes[graph.nodes.indexOf(node)] = new Node('Mul', [x, mask], [node.outputs[0] as Value]);
  return { scalars: KEY_INPUTS, nodes, masks: new Set(masks.values()) };
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

/** The masks of the sites of a draw, each in the shape of its site's input. */
function masksOf(builder: GraphBuilder, draw: Draw, rows?: Value, columns?: Value): [Site, Value][] {
  const { op } = builder;
  const [{ x, rate }] = draw;
  const below = Math.round(rate * RANGE);
  const uniform = fraction(builder, op.MatMul(rows as Value, columns as Value)); // [rows, columns], after the sites' axis
  // The fraction as an integer i against the rate's: 2i + 1 - 2·below is at most -1 or at least 1.
  const keeps = op.HardSigmoid(uniform, { alpha: 2 * RANGE, beta: 1 - 2 * below });
  const masks = op.Mul(keeps, 1 / (1 - below / RANGE));
  const shaped = draw.length > 1 || x.rank !== 2 ? op.Reshape(masks, stackedShape(builder, draw)) : masks;
  const each = draw.length > 1 ? op.Split(shaped, { axis: 0, num_outputs: draw.length }) : [shaped];
  return draw.map((site, i) => [site, Object.assign(each[i] as Value, { shape: site.x.shape })]);
}

/** The shape of the sites' inputs, one above the other. */
function stackedShape(builder: GraphBuilder, [site]: Draw): Value {
  const { op } = builder;
  const rest = (site.x.shape ?? []).slice(1);
  if (rest.every((d) => typeof d === 'number')) return builder.ints(-1, ...rest);
  const vectors = rest.map((d) => op.Unsqueeze(extent(builder, site, d), builder.ints(0)));
  return op.Concat([builder.ints(-1), ...vectors], { axis: 0 });
}

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
