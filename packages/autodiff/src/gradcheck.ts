/**
 * Checks gradients against finite differences in random directions: for random u, v the product ⟨v, VJP(u)⟩ must equal
 * the central difference of ⟨u, f⟩ along v, which takes two evaluations whatever the size (autograd's `check_vjp`).
 */
import {
  GraphBuilder,
  lift,
  type Model,
  modelOf,
  type Shape,
  sizeOf,
  type Tensor,
  tensor,
  type Value,
} from '@neuroprune/onnx';
import { backward } from './backward.js';
import { AutodiffError } from './errors.js';

/** Tensors by name. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** Evaluates a model: tensors by input name to tensors by output name. */
export type Evaluate = (model: Model, feeds: Tensors) => Promise<Tensors>;

/** A function to check. */
export interface GradientCase {
  /** Writes the function; gradients are checked with respect to its float inputs, others are held fixed. */
  readonly build: (builder: GraphBuilder, inputs: Value[]) => Value | readonly Value[];
  readonly inputs: readonly Tensor[];
  /** Step of the finite difference. */
  readonly step: number;
  /** Allowed difference, relative to max(1, |numeric|). */
  readonly tolerance: number;
  /** Declares dimensions above 1 by name (equal sizes share one), as batch and sequence are in a training graph. */
  readonly symbolic?: boolean;
}

/** Compares both sides; throws with inputs, analytic and numeric value when they differ. `random` is uniform in [0, 1). */
export async function gradcheck(test: GradientCase, evaluate: Evaluate, random: () => number): Promise<void> {
  const x = Object.fromEntries(test.inputs.map((t, i) => [`x${i}`, t]));
  const signs = () => random() * 2 - 1;
  const probe = functionModel(test);
  const u = Object.entries(await evaluate(probe, x)).map(([name, t]) => [`u.${name}`, drawnLike(t, signs)] as const);
  const model = functionModel(test, Object.fromEntries(u));
  const v = Object.fromEntries(Object.entries(x).map(([name, t]) => [name, drawnLike(t, isReal(t) ? signs : () => 0)]));
  const at = (step: number) => {
    const moved = Object.entries(x).map(([name, t]) => [name, isReal(t) ? shifted(t, v[name], step) : t] as const);
    return evaluate(model, Object.fromEntries([...moved, ...u]));
  };
  const [base, ahead, behind] = [await at(0), await at(test.step), await at(-test.step)];
  const along = (y: Tensors) => total(u.map(([name, t]) => dot(t, y[name.slice(2)])));
  const numeric = (along(ahead) - along(behind)) / (2 * test.step);
  const analytic = total(Object.keys(x).map((name) => (isReal(x[name]) ? dot(v[name], base[`grad.${name}`]) : 0)));
  if (!(Math.abs(analytic - numeric) <= test.tolerance * Math.max(1, Math.abs(numeric)))) {
    throw new AutodiffError(
      `gradient: expected ${numeric} (finite difference), got ${analytic}; inputs ${test.inputs.map(show).join(', ')}`,
    );
  }
}

const isReal = (t: Tensor | undefined): t is Tensor<'float32' | 'float64'> =>
  t?.dtype === 'float32' || t?.dtype === 'float64';

/** The function alone, or with the gradients of Σ⟨u, y⟩ beside its outputs. */
function functionModel(test: GradientCase, u?: Tensors): Model {
  const builder = new GraphBuilder();
  const { op } = builder;
  const inputs = test.inputs.map((t, i) => builder.input(`x${i}`, t.dtype, declared(t, test.symbolic)));
  const made = test.build(builder, inputs);
  const outputs = Array.isArray(made) ? (made as readonly Value[]) : [made as Value];
  if (u) {
    const products = outputs.map((y, i) => {
      const weight = u[`u.y${i}`] as Tensor;
      const shape = y.shape ?? weight.dims;
      return op.ReduceSum(op.Mul(y, builder.input(`u.y${i}`, weight.dtype, shape)), undefined, { keepdims: 0 });
    });
    const sum = products.reduce((a, b) => op.Add(a, b));
    const wrt = inputs.filter((_, i) => isReal(test.inputs[i]));
    const results = backward(builder, sum, wrt);
    for (const [i, g] of results.entries()) builder.output(g, `grad.${wrt[i]?.name}`);
  }
  for (const [i, y] of outputs.entries()) builder.output(y, `y${i}`);
  return lift(modelOf(builder.graph)).model;
}

const declared = ({ dims }: Tensor, symbolic = false): Shape =>
  symbolic ? dims.map((d) => (d > 1 ? `n${d}` : d)) : dims;

const zerosOf = (t: Tensor) =>
  t.dtype === 'float64' ? new Float64Array(sizeOf(t.dims)) : new Float32Array(sizeOf(t.dims));

const drawnLike = (t: Tensor, draw: () => number): Tensor =>
  tensor(t.dtype === 'float64' ? 'float64' : 'float32', t.dims, zerosOf(t).map(draw) as Float32Array & Float64Array);

function shifted(t: Tensor<'float32' | 'float64'>, v: Tensor | undefined, step: number): Tensor {
  const direction = v?.data as Float32Array | Float64Array;
  const moved = zerosOf(t).map((_: number, i: number) => (t.data[i] as number) + step * (direction[i] as number));
  return tensor(t.dtype, t.dims, moved as Float32Array & Float64Array);
}

const total = (terms: readonly number[]): number => terms.reduce((a, b) => a + b, 0);

function dot(a: Tensor | undefined, b: Tensor | undefined): number {
  const [p, q] = [a?.data as Float32Array | undefined, b?.data as Float32Array | undefined];
  if (!p || p.length !== q?.length)
    throw new AutodiffError(`gradient: expected ${p?.length} elements, got ${q?.length}`);
  return total(Array.from(p, (x, i) => x * (q[i] as number)));
}

const show = ({ dtype, dims, data }: Tensor): string =>
  `${dtype} [${dims}] {${Array.from(data as Float32Array).slice(0, 24)}}`;
