/** A weight matrix of a linear layer, row-major in Hugging Face layout: [out, in]. */
export interface Matrix {
  readonly name: string;
  readonly rows: number;
  readonly cols: number;
  readonly data: Float32Array;
}

/** Bias vectors of a layer's linear maps, where the model has them; `intermediate` goes with the layer's list. */
export interface LayerBiases {
  readonly query?: Float32Array | undefined;
  readonly key?: Float32Array | undefined;
  readonly value?: Float32Array | undefined;
  readonly output?: Float32Array | undefined;
  readonly intermediate?: readonly (Float32Array | undefined)[];
  readonly contraction?: Float32Array | undefined;
}

/** The feed-forward half of a layer: L_in (one matrix, or gate and up) has a unit a row, L_out a unit a column. */
export interface NeuronMatrices {
  readonly intermediate: readonly Matrix[];
  readonly contraction: Matrix;
}

/** One layer's prunable matrices, whatever the architecture; head h owns the h-th of `heads` equal blocks of rows
 * of query, key and value, and of columns of output. Where several query heads share a key/value head, that is the head, and its
 * blocks of query and output are larger. An attention that reads an encoder comes as a layer without hidden units. */
export interface PrunableLayer extends NeuronMatrices {
  readonly query: Matrix;
  readonly key: Matrix;
  readonly value: Matrix;
  readonly output: Matrix;
  readonly biases: LayerBiases;
  readonly heads: number;
  /** Table [rows, heads] whose column i is added to the scores of head i, by distance; shared by several layers. */
  readonly positions?: Float32Array;
  /** Keys and values are made of other rows than queries are: those of an encoder. */
  readonly cross?: true;
}

/** Query, key and value, those together that read the same rows. */
export const readers = ({ query, key, value, cross }: PrunableLayer): Matrix[][] =>
  cross ? [[query], [key, value]] : [[query, key, value]];

/** The kinds of matrices that are pruned towards a target each: one controller for all would empty the MLP. */
export type Kind = 'mlp' | 'qkv' | 'output';

const members = {
  mlp: (layer) => [...layer.intermediate, layer.contraction],
  qkv: (layer) => [layer.query, layer.key, layer.value],
  output: (layer) => [layer.output],
} satisfies Record<Kind, (layer: PrunableLayer) => Matrix[]>;

/** All kinds, in the order in which they are cut and reported. */
export const kinds: readonly Kind[] = ['mlp', 'qkv', 'output'];

/** The matrices of one kind, layer by layer; with `undefined` all prunable matrices (Q, K, V, O, L_in, L_out a layer). */
export function matricesOf(layers: readonly PrunableLayer[], kind?: Kind): Matrix[] {
  if (kind !== undefined) return layers.flatMap((layer) => members[kind](layer));
  return layers.flatMap((layer) => [...members.qkv(layer), ...members.output(layer), ...members.mlp(layer)]);
}

/** Number of weights in the matrices. */
export function countWeights(matrices: readonly Matrix[]): number {
  return matrices.reduce((sum, m) => sum + m.data.length, 0);
}

/** Number of exact zeros in the matrices. */
export function countZeros(matrices: readonly Matrix[]): number {
  let zeros = 0;
  for (const { data } of matrices) for (let i = 0; i < data.length; i++) if (data[i] === 0) zeros++;
  return zeros;
}
