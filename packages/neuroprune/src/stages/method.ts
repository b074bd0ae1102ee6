import type { Method } from '@neuroprune/prune';
import { NeuropruneError } from '../error.js';
import type { VerbOptions } from '../schema/verbs.js';

/** The options that say how a run prunes. */
export type PruneChoice = Pick<
  VerbOptions<'prune'>,
  'method' | 'solver' | 'sparsity' | 'heads' | 'alpha' | 'beta' | 'theta' | 'outGrouping' | 'gamma'
>;

/** The method that options ask for. Throws an input error where the solver lacks what it needs. */
export function methodOf(choice: PruneChoice): Method {
  const { method, solver, sparsity, heads, theta, outGrouping } = choice;
  if (method === 'dense') return { name: 'dense' };
  if (sparsity === undefined) throw required('sparsity', `--method ${method}`);
  if (method === 'gradual') return { name: 'gradual', sparsity };
  const shared = {
    sparsity,
    outGrouping,
    ...(heads === undefined ? {} : { heads }),
    ...(theta === undefined ? {} : { theta }),
  };
  if (solver === 'threshold') return { name: 'neuroprune', solver, gamma: choice.gamma, ...shared };
  const { alpha, beta } = choice;
  if (alpha === undefined || beta === undefined) {
    throw required(alpha === undefined ? 'alpha' : 'beta', '--solver subgradient');
  }
  return { name: 'neuroprune', solver, alpha, beta, ...shared };
}

const required = (option: string, by: string): NeuropruneError =>
  new NeuropruneError('input', `--${option}: required with ${by}`);

/** A method in a word or two. */
export const methodTitle = (method: Method): string =>
  method.name === 'neuroprune' && method.solver !== 'threshold' ? `${method.name} (${method.solver})` : method.name;
