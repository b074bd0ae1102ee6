import type { Terms } from '@neuroprune/autodiff';
import type { LinearNames, PrunableGroups } from '@neuroprune/models';
import type { GraphBuilder, Value } from '@neuroprune/onnx';
import { EPSILON, type OutGrouping } from '../degree.js';
import { PruneError } from '../errors.js';
import { blocksOf } from '../prunable-layer.js';
import { attentionTerm } from './attention.js';
import { neuronTerm } from './neurons.js';

/** How the paper's penalties are computed. */
export interface TermOptions {
  /** What a neuron of L_out is; `joint` by default. */
  readonly outGrouping?: OutGrouping;
  /** A weight with a smaller magnitude is no connection. */
  readonly epsilon?: number;
}

/** The paper's penalties, summed over layers, as further terms of a step graph's objective: `penalty.mlp` (R_mlp, α)
 * and `penalty.attention` (R_attn, β). */
export function neuroPruneTerms(
  groups: readonly PrunableGroups[],
  { outGrouping = 'joint', epsilon = EPSILON }: TermOptions = {},
): Terms {
  return (op, parameters, builder) => {
    const weight = (names: LinearNames) => standard(builder, required(parameters, names.weight), names);
    const sum = (values: readonly Value[]) => values.reduce((a, b) => op.Add(a, b));
    return {
      'penalty.mlp': sum(
        groups.map(({ neurons: n }) => {
          const mlp = { intermediate: n.out.map(weight), contraction: weight(n.in[0]!) };
          return neuronTerm(builder, mlp, outGrouping, epsilon);
        }),
      ),
      'penalty.attention': sum(
        blocksOf(groups).flatMap(({ heads: h, cross }) => {
          const [query, key, value] = [h.query, h.key, h.value].map(weight) as [Value, Value, Value];
          const read = cross ? [[query], [key, value]] : [[query, key, value]];
          return read.map((matrices) => attentionTerm(builder, matrices));
        }),
      ),
    };
  };
}

/** A linear layer's weight as [out, in], however it is stored. */
function standard({ op }: GraphBuilder, stored: Value, { transposed, part }: LinearNames): Value {
  const parts = part ? op.Split(stored, undefined, { axis: transposed ? 1 : 0, num_outputs: part.of }) : [stored];
  const own = parts[part?.index ?? 0] as Value;
  return transposed ? op.Transpose(own, { perm: [1, 0] }) : own;
}

function required(parameters: ReadonlyMap<string, Value>, name: string): Value {
  const value = parameters.get(name);
  if (!value) throw new PruneError(`internal: ${name}: expected among the trained parameters, got none`);
  return value;
}
