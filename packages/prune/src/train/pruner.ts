import type { Terms } from '@neuroprune/autodiff';
import type { PrunableGroups } from '@neuroprune/models';
import { cutBelow } from '../cut.js';
import { EPSILON } from '../degree.js';
import type { MaskMethod } from '../event/mask-event.js';
import { attentionOf, headWeights, liveHeadCount } from '../heads/attention-layer.js';
import { eliminateHeads, type HeadRemoval } from '../heads/eliminate.js';
import type { HeadTarget } from '../heads/plan.js';
import { countWeights, type Kind, matricesOf, type PrunableLayer } from '../layer.js';
import { type GradualMethod, type Method, type SubgradientMethod, THETA, type ThresholdMethod } from '../method.js';
import { prunableNames } from '../prunable-layer.js';
import { headEvents, headsAt, maskEvents, type Ramp, rampBounds, sparsityAt } from '../ramp.js';
import { neuroPruneTerms } from '../terms/terms.js';
import { cutByKind, trim } from '../trim.js';

/** Points inside pruning: after a head was folded or dropped, and before a trim. */
export type PrunePoint = 'heads' | 'trim';

/** What a method does between steps, on the host. */
export interface Pruner {
  /** Matrices whose zeros stay zeros. */
  readonly masked: readonly string[];
  /** Loss terms, and the coefficient of each. */
  readonly terms?: Terms;
  readonly coefficients: Readonly<Record<string, number>>;
  /** Steps (from 1) after which `apply` has something to do, ascending. */
  readonly events: readonly number[];
  /** Those of the events that cut masks and do nothing else: a device may take them by itself. */
  readonly masks?: {
    readonly method: MaskMethod;
    readonly steps: ReadonlySet<number>;
    readonly sparsityAt: (step: number) => number;
  };
  /** Prunes the layers in place after a step; returns the heads that went. `at` is called at points of it. */
  apply(step: number, layers: readonly PrunableLayer[], at?: (point: PrunePoint) => void): readonly HeadRemoval[];
}

/** The pruner of a method over a run. */
export function prunerOf(method: Method, groups: readonly PrunableGroups[], ramp: Ramp): Pruner {
  switch (method.name) {
    case 'dense':
      return { masked: [], coefficients: {}, events: [], apply: () => [] };
    case 'gradual':
      return gradual(method, groups, ramp);
    case 'neuroprune':
      return method.solver === 'threshold' ? threshold(method, groups, ramp) : subgradient(method, groups, ramp);
  }
}

function gradual(method: GradualMethod, groups: readonly PrunableGroups[], ramp: Ramp): Pruner {
  const { last } = rampBounds(ramp);
  const { sparsity } = method;
  const events = maskEvents(ramp);
  return {
    masked: prunableNames(groups),
    coefficients: {},
    events,
    masks: {
      method,
      steps: new Set(events.filter((step) => step !== last)),
      sparsityAt: (step) => sparsityAt(step, sparsity, ramp),
    },
    apply(step, layers, at) {
      at?.('trim');
      trim(matricesOf(layers), step === last ? sparsity : sparsityAt(step, sparsity, ramp));
      return [];
    },
  };
}

/** The ramped head target after a step. */
function headTarget(method: ThresholdMethod | SubgradientMethod, step: number, heads: number, ramp: Ramp): HeadTarget {
  if (method.heads === undefined) return { theta: method.theta ?? THETA };
  return { keep: headsAt(step, heads, method.heads, ramp) };
}

const ascending = (steps: Iterable<number>): number[] => [...new Set(steps)].sort((a, b) => a - b);

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const allHeads = (layers: readonly PrunableLayer[]): number => sum(layers.map((layer) => layer.heads));

/**
 * Targets of a mask event, by kind, on the way to `method.sparsity`. Heads that are still to go will turn blocks of Q, K,
 * V and O to zero, so these kinds keep as much room as the densest of them take; where dead heads alone are more than
 * such a kind's share, the MLP is cut less. Without this, the last removals would overshoot the sparsity asked for.
 */
function cutTargets(s: number, method: ThresholdMethod, layers: readonly PrunableLayer[]): Record<Kind, number> {
  const { sparsity, heads } = method;
  if (heads === undefined) return { mlp: s, qkv: s, output: s };
  const weights = (kind: Kind) => countWeights(matricesOf(layers, kind));
  const toGo = Math.max(0, liveHeadCount(layers) - heads);
  const room = (kind: 'qkv' | 'output') =>
    Math.max(0, s - sum(headWeights(layers, kind).slice(0, toGo)) / weights(kind));
  const excess = Math.max(0, 1 - heads / allHeads(layers) - sparsity) * (weights('qkv') + weights('output'));
  const mlp = s * Math.max(0, 1 - excess / (sparsity * weights('mlp')));
  return { mlp, qkv: room('qkv'), output: room('output') };
}

function threshold(method: ThresholdMethod, groups: readonly PrunableGroups[], ramp: Ramp): Pruner {
  const { last } = rampBounds(ramp);
  const [masks, heads] = [new Set(maskEvents(ramp)), new Set(headEvents(ramp))];
  return {
    masked: prunableNames(groups),
    coefficients: {},
    events: ascending([...masks, ...heads]),
    masks: {
      method,
      steps: new Set([...masks].filter((step) => step !== last && !heads.has(step))),
      sparsityAt: (step) => sparsityAt(step, method.sparsity, ramp),
    },
    apply(step, layers, at) {
      const removed = heads.has(step)
        ? eliminateHeads(layers.map(attentionOf), headTarget(method, step, allHeads(layers), ramp), () => at?.('heads'))
            .removed
        : [];
      if (masks.has(step))
        cutByKind(layers, cutTargets(sparsityAt(step, method.sparsity, ramp), method, layers), method);
      if (step === last) at?.('trim');
      if (step === last) trim(matricesOf(layers), method.sparsity);
      return removed;
    },
  };
}

function subgradient(method: SubgradientMethod, groups: readonly PrunableGroups[], ramp: Ramp): Pruner {
  const { last } = rampBounds(ramp);
  const heads = new Set(headEvents(ramp));
  const end = method.sparsity === undefined ? ramp.steps : last;
  return {
    masked: prunableNames(groups),
    terms: neuroPruneTerms(groups, method),
    coefficients: { 'penalty.mlp': method.alpha, 'penalty.attention': method.beta },
    events: ascending([...heads, end]),
    apply(step, layers, at) {
      const removed = heads.has(step)
        ? eliminateHeads(layers.map(attentionOf), headTarget(method, step, allHeads(layers), ramp), () => at?.('heads'))
            .removed
        : [];
      if (step === end) {
        cutBelow(matricesOf(layers), EPSILON);
        at?.('trim');
        if (method.sparsity !== undefined) trim(matricesOf(layers), method.sparsity);
      }
      return removed;
    },
  };
}
