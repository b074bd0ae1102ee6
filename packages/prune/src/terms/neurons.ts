import { codeOf, type GraphBuilder, type Value } from '@neuroprune/onnx';
import type { OutGrouping } from '../degree.js';
import { PruneError } from '../errors.js';
import { columnSums, rowSums, total } from './sums.js';

/** The matrices around one layer's hidden units: L_in (one, or gate and up) and L_out, [out, in] each. */
export interface NeuronValues {
  readonly intermediate: readonly Value[];
  readonly contraction: Value;
}

/** A matrix as the penalty sees it. */
interface Links {
  /** |w| */
  readonly magnitudes: Value;
  /** 1 where |w| ≥ ε, else 0: made by a comparison, which no gradient passes, so degrees are constants to it. */
  readonly connected: Value;
  readonly rows: number;
  readonly cols: number;
}

type Sums = (builder: GraphBuilder, matrix: Value) => Value;

/** R_mlp of one layer as a scalar: Σ_i (1/c_i) Σ_j |w_ij| with clamped degrees c (arXiv 2404.01306, Eq. 1). */
export function neuronTerm(builder: GraphBuilder, mlp: NeuronValues, grouping: OutGrouping, epsilon: number): Value {
  const { op } = builder;
  const expansion = mlp.intermediate.map((w) => linksOf(builder, w, epsilon));
  const contraction = linksOf(builder, mlp.contraction, epsilon);
  const { rows, cols } = contraction;
  const fed = mean(
    builder,
    expansion.map((m) => op.Div(rowSums(builder, m.connected), m.cols)),
  );
  const entries = expansion.reduce((sum, m) => sum + m.cols, 0);
  const weighted = (sums: Sums, m: Links, c: Value) => total(builder, op.Div(sums(builder, m.magnitudes), c));
  const into = (c: Value) => expansion.map((m) => weighted(rowSums, m, c));
  const ofUnits = () => op.Div(columnSums(builder, contraction.connected), rows);
  const parts = {
    row: () => {
      const c = op.Div(rowSums(builder, contraction.connected), cols);
      return [...into(clamped(builder, fed, entries)), weighted(rowSums, contraction, clamped(builder, c, cols))];
    },
    unit: () => [
      ...into(clamped(builder, fed, entries)),
      weighted(columnSums, contraction, clamped(builder, ofUnits(), rows)),
    ],
    joint: () => {
      const c = clamped(builder, mean(builder, [fed, ofUnits()]), rows);
      return [...into(c), weighted(columnSums, contraction, c)];
    },
  } satisfies Record<OutGrouping, () => Value[]>;
  return parts[grouping]().reduce((a, b) => op.Add(a, b));
}

function linksOf({ op }: GraphBuilder, w: Value, epsilon: number): Links {
  const [rows, cols] = w.shape ?? [];
  if (typeof rows !== 'number' || typeof cols !== 'number')
    throw new PruneError(`internal: ${w.name}: expected a matrix of known shape, got [${w.shape}]`);
  const magnitudes = op.Abs(w);
  const connected = op.Cast(op.GreaterOrEqual(magnitudes, epsilon), { to: codeOf('float32') });
  return { magnitudes, connected, rows, cols };
}

/** Degrees of at least one connection of `entries`. */
const clamped = ({ op }: GraphBuilder, c: Value, entries: number): Value => op.Max([c, 1 / entries]);

const mean = ({ op }: GraphBuilder, values: readonly Value[]): Value =>
  op.Div(
    values.reduce((a, b) => op.Add(a, b)),
    values.length,
  );
