import { EPSILON, jointDegrees } from './degree.js';
import { type Kind, type Matrix, matricesOf, type PrunableLayer } from './layer.js';
import { inputSums } from './penalty/attention.js';

/** Options of the threshold solver's scores. */
export interface ScoreOptions {
  /** Exponent of the topology: 1 gives the most structure, 0.5 the better metric, 0 plain magnitudes. */
  readonly gamma?: number;
  /** A weight with a smaller magnitude is no connection. */
  readonly epsilon?: number;
}

/** Factor a row and factor a column by which |w| becomes a score; absent means 1. */
interface Pull {
  readonly matrix: Matrix;
  readonly row?: Float64Array;
  readonly column?: Float64Array;
}

const pulls = {
  mlp: (layer, gamma, epsilon) => {
    const c = jointDegrees(layer, epsilon).map((value) => value ** gamma); // |w|·c^γ
    return [...layer.intermediate.map((matrix) => ({ matrix, row: c })), { matrix: layer.contraction, column: c }];
  },
  qkv: (layer, gamma) => {
    const matrices = matricesOf([layer], 'qkv');
    const sums = inputSums(matrices);
    const mean = sums.reduce((total, r) => total + r, 0) / sums.length || 1;
    const column = sums.map((r) => (r / mean) ** (gamma / 2)); // |w|·(r_i / mean r)^(γ/2)
    return matrices.map((matrix) => ({ matrix, column }));
  },
  output: (layer) => [{ matrix: layer.output }],
} satisfies Record<Kind, (layer: PrunableLayer, gamma: number, epsilon: number) => Pull[]>;

/** Scores of all weights of a kind, one array a matrix in the order of `matricesOf(layers, kind)`: the smallest are
 * cut first. Writes into `buffer` where one of at least the kind's size is given, so that events allocate nothing. */
export function scores(
  layers: readonly PrunableLayer[],
  kind: Kind,
  { gamma = 1, epsilon = EPSILON }: ScoreOptions = {},
  buffer?: Float32Array,
): Float32Array[] {
  let used = 0;
  return layers.flatMap((layer) =>
    pulls[kind](layer, gamma, epsilon).map((pull: Pull) => {
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
