import { type GraphBuilder, type OpFunctions, sizeOf, type Tensor, type Value, zeros } from '@neuroprune/onnx';
import { ModelsError } from './errors.js';
import { isFloat, toFloat32 } from './safetensors/dtype.js';

/** Where parameters come from, and what was done with them. */
export interface ParamSource {
  readonly builder: GraphBuilder;
  /** Content by parameter name. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Makes a parameter that the file lacks; undefined for one that must be there. */
  readonly initialize: (name: string, dims: readonly number[]) => Tensor | undefined;
  /** Values of the names taken, in order. */
  readonly used: Map<string, Value>;
  /** Names made by `initialize`. */
  readonly fresh: Set<string>;
  /** Parameters that are missing or do not fit, a sentence each; the first is an error when absent. */
  readonly problems?: string[];
  /** The tensors have no data yet: only their types and shapes are looked at. */
  readonly shapesOnly?: boolean;
  /** Names taken as `buffer`. */
  readonly buffers: Set<string>;
}

/** Stands for a tensor where only its shape counts. */
export const withoutData = (dims: readonly number[]): Tensor<'float32'> => ({
  dtype: 'float32',
  dims,
  data: new Float32Array(0),
});

/** The parameters under a path: each becomes an initializer under its full name, once, after its shape is checked. */
export class Params {
  /** The graph being built. */
  readonly builder: GraphBuilder;
  /** The graph's operators. */
  readonly op: OpFunctions;

  constructor(
    private readonly source: ParamSource,
    private readonly path = '',
    private readonly reuse = false,
  ) {
    this.builder = source.builder;
    this.op = source.builder.op;
  }

  /** The parameters one or more steps further down. */
  at(path: string): Params {
    return new Params(this.source, this.full(path), this.reuse);
  }

  /** The same parameters where they have several uses: taking one again gives the value it already has. */
  shared(): Params {
    return new Params(this.source, this.path, true);
  }

  /** One parameter as an initializer. */
  param(name: string, dims: readonly number[]): Value {
    const full = this.full(name);
    const known = this.source.used.get(full);
    if (known && this.reuse) return known;
    if (known) throw new Error(`internal: ${full} is taken twice; take it once and pass it on`);
    const value = this.builder.initializer(full, this.content(full, dims));
    this.source.used.set(full, value);
    return value;
  }

  /** A stored tensor that is never trained; zeros where the file lacks it. */
  buffer(name: string, dims: readonly number[]): Value {
    const full = this.full(name);
    this.source.buffers.add(full);
    if (this.source.tensors.has(full)) return this.param(name, dims);
    const value = this.builder.initializer(full, zeros(dims));
    this.source.used.set(full, value);
    return value;
  }

  /** `x·Wᵀ + b` on rows [rows, in], with `weight` [out, in] and, unless it is left out, `bias` [out]. */
  linear(x: Value, out: number, { bias = true }: { readonly bias?: boolean } = {}): Value {
    const weight = this.param('weight', [out, this.width(x)]);
    return this.op.Gemm(x, weight, bias ? this.param('bias', [out]) : undefined, { transB: 1 });
  }

  /** `x·W + b` on rows [rows, in], with `weight` [in, out] (transformers' `Conv1D`) and `bias` [out]. */
  conv1d(x: Value, out: number): Value {
    return this.op.Gemm(x, this.param('weight', [this.width(x), out]), this.param('bias', [out]));
  }

  /** Layer normalization over the last axis, with `weight` and `bias`. */
  layerNorm(x: Value, epsilon: number): Value {
    const weight = this.param('weight', [this.width(x)]);
    const bias = this.param('bias', [this.width(x)]);
    return this.op.LayerNormalization(x, weight, bias, { axis: -1, epsilon })[0];
  }

  /** `x / √(mean(x²) + ε) · (offset + weight)` over the last axis (Zhang & Sennrich 2019, eq. 4; Gemma's offset is 1). */
  rmsNorm(x: Value, epsilon: number, offset = 0): Value {
    const { op } = this;
    const square = op.ReduceMean(op.Mul(x, x), this.builder.ints(-1), { keepdims: 1 });
    const weight = this.param('weight', [this.width(x)]);
    return op.Mul(op.Div(x, op.Sqrt(op.Add(square, epsilon))), offset === 0 ? weight : op.Add(weight, offset));
  }

  /** Known size of the last axis. */
  private width(x: Value): number {
    const size = x.shape?.at(-1);
    if (typeof size !== 'number') throw new Error(`internal: ${this.path}: expected a last axis of known size`);
    return size;
  }

  private content(name: string, dims: readonly number[]): Tensor {
    const stored = this.source.tensors.get(name);
    if (!stored) return this.made(name, dims);
    if (stored.dims.length !== dims.length || stored.dims.some((d, i) => d !== dims[i]))
      return this.unfit(`${name}: expected [${dims}], got [${stored.dims}]`, dims);
    if (!isFloat(stored.dtype)) return this.unfit(`${name}: expected a floating-point type, got ${stored.dtype}`, dims);
    if (this.source.shapesOnly) return withoutData(dims);
    if (stored.data.length !== sizeOf(dims)) throw new Error(`internal: ${name} holds ${stored.data.length} elements`);
    return toFloat32(stored);
  }

  private made(name: string, dims: readonly number[]): Tensor {
    const content = this.source.initialize(name, dims);
    if (!content) return this.unfit(`${name}: expected among the weights, got none`, dims);
    this.source.fresh.add(name);
    return content;
  }

  /** Notes a problem and goes on, so that all are told at once. */
  private unfit(problem: string, dims: readonly number[]): Tensor {
    if (!this.source.problems) throw new ModelsError(problem);
    this.source.problems.push(problem);
    return withoutData(dims);
  }

  private full(name: string): string {
    return this.path ? `${this.path}.${name}` : name;
  }
}
