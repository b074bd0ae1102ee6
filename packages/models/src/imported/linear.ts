import { GraphBuilder, type Model, type Node, sizeOf, type Tensor, type Value } from '@neuroprune/onnx';
import { isOp, readersOf, rewrite } from './rewrite.js';
import type { Shapes } from './shapes.js';
import { piece, renewed, transposed } from './weights.js';

/** A linear layer of the graph, y = x·Wᵀ + b over the last axis: one `Gemm`, flattened before and shaped as `x` after it. */
export interface Linear {
  /** [out, in] */
  readonly weight: Value;
  /** [out] */
  readonly bias: Value | undefined;
  readonly gemm: Node;
  /** The node that reads `x` for the product: the `Gemm`, or what lays the rows flat for it. */
  readonly entry: Node;
  readonly x: Value;
  readonly y: Value;
}

/** What is known of a product before it is written anew. */
interface Product {
  readonly weight: Value;
  /** The weight lies as [out, in]. */
  readonly turned: boolean;
  readonly bias: Value | undefined;
  readonly x: Value;
  /** What the layer gives, and what is replaced by something else because the bias is in there now. */
  readonly y: Value;
  readonly also: readonly (readonly [Value, Value])[];
}

type Readers = ReadonlyMap<Value, readonly Node[]>;

const isWeight = (value: Value | undefined): value is Value =>
  value?.tensor?.dtype === 'float32' && !value.producer && value.tensor.dims.length === 2;

const number = (node: Node, name: string): number => {
  const found = node.attributes[name];
  return found?.type === 'int' || found?.type === 'float' ? found.value : Number.NaN;
};

/** A product of rows with a weight: `MatMul`, or `Gemm` without factors. Says which way the weight lies. */
function productOf(node: Node): { readonly weight: Value; readonly turned: boolean; readonly c?: Value } | undefined {
  const [x, weight, c] = node.inputs;
  if (x?.dtype !== 'float32' || !isWeight(weight) || isWeight(x)) return undefined;
  if (isOp(node, 'MatMul')) return { weight, turned: false };
  if (!isOp(node, 'Gemm') || number(node, 'transA') === 1) return undefined;
  if ([number(node, 'alpha'), number(node, 'beta')].some((factor) => !Number.isNaN(factor) && factor !== 1))
    return undefined;
  return { weight, turned: number(node, 'transB') === 1, ...(c && { c }) };
}

/** A constant of one number a column, whatever axes of 1 stand before. */
const isBias = (value: Value | undefined, out: number): value is Value =>
  value?.tensor?.dtype === 'float32' &&
  !value.producer &&
  value.tensor.dims.at(-1) === out &&
  value.tensor.dims.length > 0 &&
  sizeOf(value.tensor.dims) === out;

const only = (readers: Readers, value: Value): Node | undefined => {
  const found = readers.get(value) ?? [];
  return found.length === 1 ? found[0] : undefined;
};

const other = (node: Node, value: Value): Value | undefined => node.inputs.find((v) => v !== value);

/** A constant added to a product, at once or after one sum more (as fused operators do it, with the residual). */
function addedBias(
  y: Value,
  out: number,
  readers: Readers,
): { readonly bias: Value; readonly y: Value; readonly also: [Value, Value][] } | undefined {
  const sum = only(readers, y);
  if (!isOp(sum, 'Add')) return undefined;
  const [added, total] = [other(sum, y), sum.outputs[0]!];
  if (isBias(added, out)) return { bias: added, y: total, also: [] };
  const second = only(readers, total);
  const late = isOp(second, 'Add') ? other(second, total) : undefined;
  return isBias(late, out) ? { bias: late, y, also: [[second!.outputs[0]!, total]] } : undefined;
}

/** The rows as they were before they were laid flat, and the result after it got their axes back; both or none. */
function unflattened(x: Value, y: Value, readers: Readers, shapes: Shapes): { x: Value; y: Value } {
  const [flat, given] = [x.producer, y];
  const shaped = only(readers, y);
  const before = flat?.inputs[0];
  if (!isOp(flat, 'Reshape', 'Flatten') || !isOp(shaped, 'Reshape') || !before || shaped.inputs[0] !== y)
    return { x, y: given };
  const [from, to] = [shapes.get(before.name), shapes.get(shaped.outputs[0]!.name)];
  const keeps = from?.at(-1) === shapes.get(x.name)?.at(-1);
  const same = from && to && from.length === to.length && from.slice(0, -1).every((d, i) => d === to[i]);
  return keeps && same && to.at(-1) === shapes.get(y.name)?.at(-1)
    ? { x: before, y: shaped.outputs[0]! }
    : { x, y: given };
}

function described(node: Node, readers: Readers, shapes: Shapes): Product | undefined {
  const product = productOf(node);
  if (!product) return undefined;
  const { weight, turned, c } = product;
  const out = weight.tensor!.dims[turned ? 0 : 1]!;
  if (c && !isBias(c, out)) return undefined;
  const y = node.outputs[0]!;
  const added = c ? undefined : addedBias(y, out, readers);
  const bias = c ?? added?.bias;
  const around = unflattened(node.inputs[0]!, added?.y ?? y, readers, shapes);
  if (!shapes.get(around.x.name)) return undefined;
  return { weight, turned, bias, ...around, also: added?.also ?? [] };
}

/** The layer in its one form, with the axes of `x` before the last. */
function written(builder: GraphBuilder, { weight, bias, x }: Product, rank: number): Value {
  const { op } = builder;
  if (rank === 2) return op.Gemm(x, weight, bias, { transB: 1 });
  const rows = op.Gemm(op.Flatten(x, { axis: rank - 1 }), weight, bias, { transB: 1 });
  return op.Reshape(rows, op.Concat([op.Shape(x, { end: rank - 1 }), builder.ints(-1)], { axis: 0 }));
}

/**
 * Writes every product with a weight in one form, the weight [out, in] with its own name and the bias, wherever it was
 * added, inside. A weight that lies the other way is turned; one that something else reads too (a tied table) is left.
 */
export function writeLinears(model: Model, shapes: Shapes): void {
  const { graph } = model;
  const readers = readersOf(graph);
  const products = new Map(
    graph.nodes.flatMap((node) => {
      const found = described(node, readers, shapes);
      return found ? [[node, found] as const] : [];
    }),
  );
  const turns = new Map<Value, boolean>();
  for (const [, { weight, turned }] of products)
    if ((readers.get(weight) ?? []).every((node) => products.get(node)?.turned === turned)) turns.set(weight, turned);
  for (const [weight, turned] of turns) if (!turned) renewed(weight, transposed(weight.tensor as Tensor<'float32'>));
  rewrite(graph, (node, builder) => {
    const product = products.get(node);
    if (!product || !turns.has(product.weight)) return undefined;
    const { bias, weight, y, also } = product;
    if (bias && bias.tensor!.dims.length > 1) renewed(bias, { ...bias.tensor!, dims: weight.tensor!.dims.slice(0, 1) });
    return new Map([[y, written(builder, product, shapes.get(product.x.name)!.length)], ...also]);
  });
}

/** Every linear layer of a graph that `writeLinears` has gone over. */
export function linearsOf(model: Model): Linear[] {
  const readers = readersOf(model.graph);
  return model.graph.nodes.flatMap((gemm) => {
    const [rows, weight, bias] = gemm.inputs;
    if (!isOp(gemm, 'Gemm') || !rows || !isWeight(weight) || number(gemm, 'transB') !== 1) return [];
    const [product] = gemm.outputs;
    const shaped = only(readers, product!);
    const flat = isOp(rows.producer, 'Flatten') && isOp(shaped, 'Reshape') ? rows.producer : undefined;
    const ends = flat
      ? { entry: flat, x: flat.inputs[0]!, y: shaped!.outputs[0]! }
      : { entry: gemm, x: rows, y: product! };
    return [{ weight, bias, gemm, ...ends }];
  });
}

/**
 * Gives every layer a bias of its own: exporters write equal tensors once, such as the zeros of several biases. Layers that
 * share their weight go on sharing the bias.
 */
export function untieBiases(model: Model): void {
  const owners = new Map<Value, Value>();
  const copies = new Map<Value, Map<Value, Value>>();
  const builder = new GraphBuilder(model.graph);
  const readers = readersOf(model.graph);
  for (const { weight, bias, gemm } of linearsOf(model)) {
    if (!bias) continue;
    const isFree = (readers.get(bias) ?? []).every((node) => isOp(node, 'Gemm') && node.inputs[2] === bias);
    if (isFree && (owners.get(bias) ?? weight) === weight) owners.set(bias, weight);
    else {
      const own = copies.get(bias) ?? new Map<Value, Value>();
      copies.set(bias, own);
      const copy = own.get(weight) ?? builder.initializer(`${weight.name}.bias`, bias.tensor!);
      own.set(weight, copy);
      gemm.inputs[2] = copy;
    }
  }
}

/** The parts of a layer whose result is only ever split along its last axis: a layer of its own for each. */
export function splitLinears(model: Model): void {
  const { graph } = model;
  const readers = readersOf(graph);
  const linears = new Map(linearsOf(model).map((linear) => [linear.y, linear]));
  rewrite(graph, (node, builder) => {
    const packed = node.inputs[0] && linears.get(node.inputs[0]);
    if (!packed || !isOp(node, 'Split') || only(readers, packed.y) !== node) return undefined;
    const { weight, bias, x } = packed;
    if (only(readers, weight) !== packed.gemm || (bias && only(readers, bias) !== packed.gemm)) return undefined;
    const rank = packed.y.shape?.length;
    const axis = number(node, 'axis');
    const sizes = node.outputs.map(({ shape }) => shape?.at(-1));
    if (!rank || (axis !== -1 && axis !== rank - 1) || !sizes.every((size) => typeof size === 'number'))
      return undefined;
    return new Map(
      node.outputs.map((y, i) => {
        const start = sizes.slice(0, i).reduce((sum, size) => sum + size, 0);
        const part = (value: Value) =>
          builder.initializer(`${value.name}.${i}`, piece(value.tensor as Tensor<'float32'>, 0, start, sizes[i]!));
        const own = { weight: part(weight), turned: true, bias: bias && part(bias), x, y, also: [] };
        return [y, written(builder, own, rank)];
      }),
    );
  });
}
