import { PruneError } from './errors.js';

/** When a run prunes: all steps are counted from 1, "after step s". */
export interface Ramp {
  /** Optimizer steps of the whole run. */
  readonly steps: number;
  /** Part of the steps at which the ramp begins. */
  readonly from?: number;
  /** Part of the steps at which it ends; the exact trim follows, then recovery with fixed masks. */
  readonly to?: number;
  /** Steps between mask events. */
  readonly every?: number;
  /** Part of the steps between head eliminations. */
  readonly headsEvery?: number;
  /** Steps of an epoch, where the end of each epoch is a head elimination too. */
  readonly epochSteps?: number;
  /** What the last mask event leaves to the exact trim (0.005 is half a point). */
  readonly slack?: number;
}

/** The defaults of a ramp. */
export const rampDefaults = { from: 0.05, to: 0.7, every: 16, headsEvery: 0.05, slack: 0.005 } as const;

/** First and last step of the ramp; masks are cut after steps in (first, last], the trim comes after `last`. */
export function rampBounds(ramp: Ramp): { first: number; last: number } {
  const { steps, from, to } = { ...rampDefaults, ...ramp };
  if (!(from >= 0 && from < to && to <= 1))
    throw new PruneError(`ramp: expected 0 <= from < to <= 1, got ${from} and ${to}`, 'input');
  const last = Math.max(1, Math.round(to * steps));
  return { first: Math.min(last - 1, Math.round(from * steps)), last };
}

/** Steps after which masks are cut, ascending; the end of the ramp is always the last. */
export function maskEvents(ramp: Ramp): number[] {
  const { every } = { ...rampDefaults, ...ramp };
  const { first, last } = rampBounds(ramp);
  const events: number[] = [];
  for (let step = first + every; step < last; step += every) events.push(step);
  return [...events, last];
}

/** Steps after which heads are eliminated, ascending: every `headsEvery` of the steps and each epoch's end inside the
 * ramp, and its end; never after the trim. */
export function headEvents(ramp: Ramp): number[] {
  const { steps, headsEvery, epochSteps } = { ...rampDefaults, ...ramp };
  const { first, last } = rampBounds(ramp);
  const events = new Set([last]);
  for (let i = 1; i * headsEvery <= 1; i++) events.add(Math.round(i * headsEvery * steps));
  if (epochSteps !== undefined) for (let step = epochSteps; step <= last; step += epochSteps) events.add(step);
  return [...events].filter((step) => step > first && step <= last).sort((a, b) => a - b);
}

/** How far the ramp has come after a step, 0 … 1: 1 − (1 − u)³ (Zhu & Gupta 2017, Eq. 1). */
export function rampProgress(step: number, ramp: Ramp): number {
  const { first, last } = rampBounds(ramp);
  const u = Math.min(1, Math.max(0, (step - first) / (last - first)));
  return 1 - (1 - u) ** 3;
}

/** Share of zeros that a mask event after this step cuts to; its end is target − slack. */
export function sparsityAt(step: number, target: number, ramp: Ramp): number {
  const { slack } = { ...rampDefaults, ...ramp };
  return Math.max(0, target - slack) * rampProgress(step, ramp);
}

/** Heads that an elimination after this step leaves, from `total` down to `keep`. Rounded to the nearest: rounding up
 * would leave the last head to the last event, and the model no ramp to get over its loss. */
export function headsAt(step: number, total: number, keep: number, ramp: Ramp): number {
  if (keep >= total) return total;
  return Math.round(total - (total - keep) * rampProgress(step, ramp));
}
