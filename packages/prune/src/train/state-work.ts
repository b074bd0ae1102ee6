import { parametersOf } from '@neuroprune/autodiff';
import { type PrunableGroups, prunableWeights } from '@neuroprune/models';
import { slotInput, type Tensor } from '@neuroprune/onnx';
import type { HeadRemoval } from '../heads/eliminate.js';
import type { Method } from '../method.js';
import { prunableLayers, storeLayers } from '../prunable-layer.js';
import type { Ramp } from '../ramp.js';
import { followed, namesOf, type Parameters, tensorsIn, weightsIn } from './parameters.js';
import { type Density, densityOf } from './plan.js';
import { type PrunePoint, prunerOf } from './pruner.js';

/** What work on a run's state needs to know of the run, as plain data. */
export interface StateSetup {
  readonly method: Method;
  readonly groups: readonly PrunableGroups[];
  readonly ramp: Ramp;
  readonly parameters: Parameters;
}

/** Work on a run's state: pruning in place after a step, a copy of it, or of what the run would end with now. */
export type StateJob = { readonly type: 'prune'; readonly step: number } | { readonly type: 'copy' | 'tensors' };

/** What came of it. */
export interface StateResult {
  readonly removals: readonly HeadRemoval[];
  /** After pruning. */
  readonly density?: Density;
  /** Copies. */
  readonly tensors: Map<string, Tensor<'float32'>>;
  /** Name of a tensor in which not all numbers are finite, where a copy was asked for. */
  readonly broken?: string;
}

/**
 * The part of the state that a job needs, and the setup over it: on a GPU the state crosses to the host and back. Pruning
 * changes weights of the stacks in which something may be pruned, and their averages; other copies leave moments out.
 */
export function neededState(setup: StateSetup, job: StateJob): { setup: StateSetup; names?: ReadonlySet<string> } {
  if (job.type === 'copy') return { setup };
  const { groups, parameters } = setup;
  const { signature, averaged } = parameters;
  const read = new Set(groups.flatMap(pruningReads));
  const stacks = signature.stacks.filter(({ members }) => job.type === 'tensors' || members.some((m) => read.has(m)));
  const slots = averaged ? ['w', 'ema'] : ['w'];
  return {
    setup: { ...setup, parameters: { ...parameters, signature: { ...signature, stacks } } },
    names: new Set(stacks.flatMap((stack) => slots.map((slot) => slotInput(stack, slot)))),
  };
}

/** Does the work on the calling thread. */
export function stateWork(
  setup: StateSetup,
  job: StateJob,
  state: Map<string, Tensor>,
  at?: (point: PrunePoint) => void,
): StateResult {
  switch (job.type) {
    case 'prune':
      return prune(setup, job.step, state, at);
    case 'copy': {
      const tensors = new Map(
        [...state].map(([name, t]) => [name, { ...t, data: t.data.slice() } as Tensor<'float32'>]),
      );
      const [broken] = [...tensors].find(([, { data }]) => !allFinite(data)) ?? [];
      return { removals: [], tensors, ...(broken !== undefined && { broken }) };
    }
    case 'tensors':
      return { removals: [], tensors: tensorsIn(setup.parameters, state) };
  }
}

function prune(
  { method, groups, ramp, parameters }: StateSetup,
  step: number,
  state: Map<string, Tensor>,
  at?: (point: PrunePoint) => void,
): StateResult {
  const weights = weightsIn(parameters, state);
  const layers = prunableLayers(groups, weights);
  const apply = () => {
    const removed = prunerOf(method, groups, ramp).apply(step, layers, at);
    storeLayers(groups, weights, layers);
    return removed;
  };
  const averages = parameters.averaged ? parametersOf(state, parameters.signature, 'ema') : undefined;
  const removals = averages ? followed(weights, averages, groups.flatMap(namesOf), apply) : apply();
  return { removals, density: densityOf(layers), tensors: new Map() };
}

/** Whether all numbers are finite: one that is not makes 0 times it NaN. */
function allFinite(values: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += 0 * (values[i] as number);
  return sum === 0;
}

/** The setup without parameters that stay as they are and that pruning does not read. */
export function lightSetup(setup: StateSetup): StateSetup {
  const { groups, parameters } = setup;
  const read = new Set(groups.flatMap(pruningReads));
  const fixed = new Map([...parameters.fixed].filter(([name]) => read.has(name)));
  return { ...setup, parameters: { ...parameters, fixed } };
}

/** Parameters that pruning of a layer reads or changes. */
const pruningReads = (group: PrunableGroups): string[] =>
  [...prunableWeights(group), ...namesOf(group), group.heads.biasTable, group.crossHeads?.biasTable].filter(
    (name) => name !== undefined,
  );
