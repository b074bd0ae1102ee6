import { parametersOf, type State } from '@neuroprune/autodiff';
import { linearsOf, type PrunableGroups, prunableWeights } from '@neuroprune/models';
import { type Model, type StepSignature, type Tensor, tensor } from '@neuroprune/onnx';
import { PruneError } from '../errors.js';
import type { TrainRequest } from './request.js';

/** Where the parameters of a run are: in the state, or in the model, where they are not trained. */
export interface Parameters {
  readonly signature: StepSignature;
  /** Parameters that stay as they are. */
  readonly fixed: ReadonlyMap<string, Tensor<'float32'>>;
  /** Matrices whose zeros stay zeros. */
  readonly masked: ReadonlySet<string>;
  /** Whether moving averages are what a run ends with. */
  readonly averaged: boolean;
}

/** Names that the builder of graphs gives its own constants. */
const CONSTANT = /^const_\d+$/;

/** The parameters of a step graph of the request. Throws an input error where what is to be pruned does not train. */
export function parametersIn(
  { model, groups, method, freeze = [], ema }: TrainRequest,
  signature: StepSignature,
  masked: readonly string[],
): Parameters {
  const trained = new Set(signature.stacks.flatMap(({ members }) => members));
  const fixed = freeze.length > 0 ? untrained(model, trained) : new Map<string, Tensor<'float32'>>();
  const held = method.name === 'dense' ? undefined : groups.flatMap(namesOf).find((name) => fixed.has(name));
  if (held !== undefined)
    throw new PruneError(`freeze: expected what is to be pruned to train, got ${held} frozen`, 'input');
  return { signature, fixed, masked: new Set(masked), averaged: ema !== undefined };
}

function untrained({ graph }: Model, trained: ReadonlySet<string>): Map<string, Tensor<'float32'>> {
  return new Map(
    graph.initializers.flatMap(({ name, tensor: value }) =>
      value?.dtype === 'float32' && value.dims.length > 0 && !trained.has(name) && !CONSTANT.test(name)
        ? [[name, value as Tensor<'float32'>] as const]
        : [],
    ),
  );
}

/** Weights and biases that pruning may change in a layer. */
export function namesOf(group: PrunableGroups): string[] {
  return [...prunableWeights(group), ...new Set(linearsOf(group).map(({ bias }) => bias))];
}

/** Every parameter by name, those of the state as views into it. */
export function weightsIn(
  { signature, fixed }: Parameters,
  state: ReadonlyMap<string, Tensor>,
): Map<string, Float32Array> {
  const own = [...fixed].map(([name, { data }]) => [name, data] as const);
  return new Map([...parametersOf(state, signature), ...own]);
}

/** Copies of what a run would end with now: all parameters with their shapes, or their moving averages. */
export function tensorsIn(parameters: Parameters, state: State): Map<string, Tensor<'float32'>> {
  const { signature, fixed, masked, averaged } = parameters;
  const weights = parametersOf(state, signature);
  const averages = averaged ? parametersOf(state, signature, 'ema') : undefined;
  const content = (name: string): Float32Array => {
    const own = weights.get(name) as Float32Array;
    const average = averages?.get(name)?.slice();
    if (!average) return own.slice();
    return masked.has(name) ? withZerosOf(own, average) : average;
  };
  const trained = signature.stacks.flatMap(({ members, shape }) =>
    members.map((name) => [name, tensor('float32', shape, content(name)) as Tensor<'float32'>] as const),
  );
  return new Map([...trained, ...fixed]);
}

function withZerosOf(weights: Float32Array, average: Float32Array): Float32Array {
  for (let i = 0; i < weights.length; i++) if (weights[i] === 0) average[i] = 0;
  return average;
}

/**
 * Does to moving averages what `prune` does to the weights: zeros become zeros, and what a weight gains its average gains
 * too, so that a head that is folded into another is so in the averages at once.
 */
export function followed<T>(
  weights: ReadonlyMap<string, Float32Array>,
  averages: ReadonlyMap<string, Float32Array>,
  names: readonly string[],
  prune: () => T,
): T {
  const before = names.map((name) => weights.get(name)?.slice());
  const result = prune();
  names.forEach((name, n) => {
    const [old, now, average] = [before[n], weights.get(name), averages.get(name)];
    if (!old || !now || !average) return;
    for (let i = 0; i < now.length; i++) {
      const [from, to] = [old[i] as number, now[i] as number];
      if (from !== to) average[i] = to === 0 ? 0 : (average[i] as number) + (to - from);
    }
  });
  return result;
}
