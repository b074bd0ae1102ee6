/** Parameter names of one linear layer. */
export interface LinearNames {
  readonly weight: string;
  /** A name that no parameter has where the layer has no bias. */
  readonly bias: string;
  /** The weight lies transposed, [in, out] (transformers' `Conv1D`). */
  readonly transposed?: true;
  /** Weight and bias hold several layers, one after another along `out`: this is number `index` of `of`. */
  readonly part?: { readonly index: number; readonly of: number };
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
 * `size` columns of output ([out, in] layout). Where several query heads share a key/value head, `queries` of them go with it:
 * head i owns the i-th block of `queries · size` rows of query and columns of output.
 */
export interface HeadGroup {
  readonly kind: 'heads';
  readonly count: number;
  readonly size: number;
  readonly query: LinearNames;
  readonly key: LinearNames;
  readonly value: LinearNames;
  readonly output: LinearNames;
  /** Query heads a key/value head; 1 when absent. */
  readonly queries?: number;
  /** Table [rows, heads] of position biases, shared by the layers that name it: column i is added to the scores of head i. */
  readonly biasTable?: string;
}

/** What may be cut out of one layer; all that a pruning method sees of an architecture. */
export interface PrunableGroups {
  /** Path of the layer, such as `bert.encoder.layer.0`. */
  readonly layer: string;
  readonly neurons: NeuronGroup;
  readonly heads: HeadGroup;
  /** Heads that read the encoder, in a decoder's layer. */
  readonly crossHeads?: HeadGroup;
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

/** Declares heads of which `queries` query heads share each key/value head, or whose scores get a shared table's bias. */
export const sharedHeads = (group: HeadGroup, shared: Pick<HeadGroup, 'queries' | 'biasTable'>): HeadGroup => ({
  ...group,
  ...shared,
});

/** The linear layers of a layer's groups, in the order query, key, value, output, those that read the encoder, then those around the hidden units. */
export const linearsOf = ({ heads: h, crossHeads: x, neurons: n }: PrunableGroups): LinearNames[] => [
  ...[h, ...(x ? [x] : [])].flatMap(({ query, key, value, output }) => [query, key, value, output]),
  ...n.out,
  ...n.in,
];

/** The weight matrices of a layer's groups, in the order of `linearsOf`; one that holds several linear layers comes once. */
export const prunableWeights = (groups: PrunableGroups): string[] => [
  ...new Set(linearsOf(groups).map(({ weight }) => weight)),
];
