import type { Graph, Shape, Value } from '@neuroprune/onnx';
import { ModelsError } from '../errors.js';

/** What a graph's input stands for. */
export type InputRole = 'input_ids' | 'attention_mask' | 'token_type_ids' | 'position_ids';

/** How exporters call the inputs; the first pattern that fits says the role. */
const patterns: Readonly<Record<InputRole, RegExp>> = {
  token_type_ids: /token_type|segment/i,
  position_ids: /position/i,
  attention_mask: /mask/i,
  input_ids: /input_?ids|^(input|tokens|ids)$/i,
};

/** The order in which models take them, for names that say nothing (`inputs_0`). */
const order: readonly InputRole[] = ['input_ids', 'attention_mask', 'token_type_ids'];

/** The role that an input's name says, or its place where no input's name says any. */
function roleOf(input: Value, inputs: readonly Value[]): InputRole | undefined {
  const named = ({ name }: Value) => (Object.keys(patterns) as InputRole[]).find((role) => patterns[role].test(name));
  return inputs.some(named) ? named(input) : order[inputs.indexOf(input)];
}

/** The role of every input; one that is none of a text model without a cache is refused. */
export function rolesOf({ inputs }: Graph): ReadonlyMap<InputRole, Value> {
  const roles = new Map<InputRole, Value>();
  for (const input of inputs) {
    const role = roleOf(input, inputs);
    const isInteger = input.dtype === 'int64' || input.dtype === 'int32';
    if (!role || !isInteger || input.shape?.length !== 2 || roles.has(role))
      throw new ModelsError(
        `input '${input.name}': expected one of ${Object.keys(patterns).join(', ')}, integers [batch, sequence], got ` +
          `${input.dtype ?? 'an unknown type'} ${shown(input.shape)}; export the model for its task without a cache, or start from its safetensors`,
      );
    roles.set(role, input);
  }
  if (!roles.has('input_ids')) throw new ModelsError('graph: expected an input input_ids, got none');
  return roles;
}

const shown = (shape: Shape | undefined): string => `[${(shape ?? ['?']).map((d) => d ?? '?').join(', ')}]`;

/** Inputs of one size only; undefined where batches of any size go in. */
export function fixedSize(roles: ReadonlyMap<InputRole, Value>): string | undefined {
  const fixed = [...roles.values()].find(({ shape }) => shape?.some((d) => typeof d === 'number'));
  return fixed && `${fixed.name} ${shown(fixed.shape)}`;
}
