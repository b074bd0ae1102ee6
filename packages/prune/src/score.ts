import { degrees, EPSILON, expansionDegrees, jointDegrees, type OutGrouping } from './degree.js';
import { type Kind, type Matrix, type PrunableLayer, readers } from './layer.js';
import { inputSums } from './penalty/attention.js';

/** Options of the threshold solver's scores. */
export interface ScoreOptions {
  /** Exponent of the topology: 1 gives the most structure, 0.5 the better metric, 0 plain magnitudes. */
  readonly gamma?: number;
  /** A weight with a smaller magnitude is no connection. */
  readonly epsilon?: number;
  /** What shares one degree in L_out. */
  readonly outGrouping?: OutGrouping;
}

/** Factor a row and factor a column by which |w| becomes a score; absent means 1. */
interface Pull {
  readonly matrix: Matrix;
  readonly row?: Float64Array | undefined;
  readonly column?: Float64Array | undefined;
}

type Grouped = (layer: PrunableLayer, epsilon: number) => { into: Float64Array; out: Pick<Pull, 'row' | 'column'> };

/** Degrees of L_in's rows, and of L_out's rows or columns as they are grouped. */
const mlpDegrees = {
  joint: (layer, epsilon) => {
    const c = jointDegrees(layer, epsilon);
    return { into: c, out: { column: c } };
  },
  unit: (layer, epsilon) => ({
    into: expansionDegrees(layer, epsilon),
    out: { column: degrees(layer.contraction, 'column', epsilon) },
  }),
  row: (layer, epsilon) => ({
    into: expansionDegrees(layer, epsilon),
    out: { row: degrees(layer.contraction, 'row', epsilon) },
  }),
} satisfies Record<OutGrouping, Grouped>;

const pulls = {
  mlp: (layer, { gamma, epsilon, outGrouping }) => {
    const { into, out } = mlpDegrees[outGrouping](layer, epsilon);
    const power = (c?: Float64Array) => c?.map((value) => value ** gamma); // |w|·c^γ
    const { row, column }: Pick<Pull, 'row' | 'column'> = out;
    return [
      ...layer.intermediate.map((matrix) => ({ matrix, row: power(into) })),
      { matrix: layer.contraction, row: power(row), column: power(column) },
    ];
  },
  qkv: (layer, { gamma }) =>
    readers(layer).flatMap((matrices) => {
      const sums = inputSums(matrices);
      const mean = sums.reduce((total, r) => total + r, 0) / sums.length || 1;
      const column = sums.map((r) => (r / mean) ** (gamma / 2)); // |w|·(r_i / mean r)^(γ/2)
      return matrices.map((matrix) => ({ matrix, column }));
    }),
  output: (layer) => [{ matrix: layer.output }],
} satisfies Record<Kind, (layer: PrunableLayer, options: Required<ScoreOptions>) => Pull[]>;

/** Scores of all weights of a kind, one array a matrix in the order of `matricesOf(layers, kind)`: the smallest are
 * cut first. Writes into `buffer` where one of at least the kind's size is given, so that events allocate nothing. */
export function scores(
  layers: readonly PrunableLayer[],
  kind: Kind,
  { gamma = 1, epsilon = EPSILON, outGrouping = 'joint' }: ScoreOptions = {},
  buffer?: Float32Array,
): Float32Array[] {
  let used = 0;
  return layers.flatMap((layer) =>
    pulls[kind](layer, { gamma, epsilon, outGrouping }).map((pull: Pull) => {
      const size = pull.matrix.data.length;
      const into = buffer?.subarray(used, used + size) ?? new Float32Array(size);
      used += size;
      return scoreMatrix(pull, into);
    }),
  );
}

function scoreMatrix({ matrix, row, column }: Pull, into: Float32Array): Float32Array {
  const { rows, cols, data } = matrix;
  for (let r = 0, i = 0; r < rows; r++) {
    const a = row === undefined ? 1 : row[r]!;
    for (let c = 0; c < cols; c++, i++) into[i] = Math.abs(data[i]!) * a * (column === undefined ? 1 : column[c]!);
  }
  return into;
}
