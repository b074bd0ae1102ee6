/** Parameter names of one linear layer. */
export interface LinearNames {
  readonly weight: string;
  readonly bias: string;
}

/** `count` hidden units: unit i owns row i of every `out` weight and column i of every `in` weight ([out, in] layout). */
export interface NeuronGroup {
  readonly kind: 'neurons';
  readonly count: number;
  readonly out: readonly LinearNames[];
  readonly in: readonly LinearNames[];
}

/**
 * `count` heads of `size` dimensions: head i owns the i-th block of `size` rows of query, key and value, and of
 * `size` columns of output ([out, in] layout).
 */
export interface HeadGroup {
  readonly kind: 'heads';
  readonly count: number;
  readonly size: number;
  readonly query: LinearNames;
  readonly key: LinearNames;
  readonly value: LinearNames;
  readonly output: LinearNames;
}

/** What may be cut out of one layer; all that a pruning method sees of an architecture. */
export interface PrunableGroups {
  /** Path of the layer, such as `bert.encoder.layer.0`. */
  readonly layer: string;
  readonly neurons: NeuronGroup;
  readonly heads: HeadGroup;
}

/** Names of the linear layer at a path: `<path>.weight` and `<path>.bias`. */
export const linearNames = (path: string): LinearNames => ({ weight: `${path}.weight`, bias: `${path}.bias` });

/** Declares hidden units by the paths of the linear layers that make and read them. */
export const neurons = (
  count: number,
  paths: { readonly out: readonly string[]; readonly in: readonly string[] },
): NeuronGroup => ({ kind: 'neurons', count, out: paths.out.map(linearNames), in: paths.in.map(linearNames) });

/** Declares attention heads by the paths of their four linear layers. */
export const heads = (
  count: number,
  size: number,
  paths: Readonly<Record<'query' | 'key' | 'value' | 'output', string>>,
): HeadGroup => ({
  kind: 'heads',
  count,
  size,
  query: linearNames(paths.query),
  key: linearNames(paths.key),
  value: linearNames(paths.value),
  output: linearNames(paths.output),
});

/** The weight matrices of a layer's groups, in the order query, key, value, output, then those around the hidden units. */
export const prunableWeights = ({ heads: h, neurons: n }: PrunableGroups): string[] =>
  [h.query, h.key, h.value, h.output, ...n.out, ...n.in].map((names) => names.weight);
