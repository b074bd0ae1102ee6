import { PruneError } from '../errors.js';
import { type AttentionLayer, blockOf } from './attention-layer.js';
import { foldHead, removeHead } from './fold.js';
import { type HeadFate, type HeadPlan, type HeadTarget, planHeads } from './plan.js';

/** One head that an elimination took out of a layer: into another, or for good. */
export interface HeadRemoval {
  readonly layer: number;
  readonly head: number;
  /** The head of the same layer that absorbed it; null where it was dead or of least importance. */
  readonly into: number | null;
  readonly reason: 'absorbed' | 'dead' | 'dropped';
}

/** What an elimination did. */
export interface Elimination {
  readonly theta: number;
  readonly kept: number;
  /** Heads that had weights before; those removed earlier are not listed again. */
  readonly removed: readonly HeadRemoval[];
}

/** Plans and carries out one head elimination over all layers, in place: absorbed heads are folded, dropped and dead
 * ones removed with the constant part of their output kept. `each` is called after each head. */
export function eliminateHeads(layers: readonly AttentionLayer[], target: HeadTarget, each?: () => void): Elimination {
  return applyHeadPlan(layers, planHeads(layers, target), each);
}

/** Carries out a plan, in place; `each` is called after each head that goes. */
export function applyHeadPlan(layers: readonly AttentionLayer[], plan: HeadPlan, each?: () => void): Elimination {
  if (plan.layers.length !== layers.length)
    throw new PruneError(`internal: head plan of ${plan.layers.length} layers for ${layers.length}`);
  const removed = layers.flatMap((layer, l) =>
    plan.layers[l]!.flatMap((fate, head) => {
      const reason = remove(layer, head, fate);
      if (reason === undefined) return [];
      each?.();
      return [{ layer: l, head, into: fate.fate === 'absorbed' ? fate.into : null, reason }];
    }),
  );
  return { theta: plan.theta, kept: plan.kept, removed };
}

function remove(layer: AttentionLayer, head: number, fate: HeadFate): HeadRemoval['reason'] | undefined {
  switch (fate.fate) {
    case 'kept':
      return undefined;
    case 'absorbed':
      foldHead(layer, head, fate.into);
      return 'absorbed';
    case 'dropped':
      removeHead(layer, head);
      return 'dropped';
    case 'gone': {
      const empty = isEmpty(layer, head);
      removeHead(layer, head);
      return empty ? undefined : 'dead';
    }
  }
}

function isEmpty({ query, key, value, heads }: AttentionLayer, head: number): boolean {
  return [query, key, value].every((array) => array.subarray(...blockOf(array, head, heads)).every((w) => w === 0));
}
