import type { Model, StepSignature } from '@neuroprune/onnx';
import { EVENT, type SessionOptions } from '@neuroprune/runtime';
import { EVENT_HEADS, EVENT_SPARSITY, EVENT_ZEROS, maskEvent } from '../event/mask-event.js';
import type { Pruner } from './pruner.js';
import type { TrainRequest } from './request.js';

/** Mask events that run where the steps run, so that the state need not come to the host for them. */
export interface DeviceEvents {
  readonly model: Model;
  /** Steps (from 1) after which there is one. */
  readonly steps: ReadonlySet<number>;
  /** Share of zeros to cut to after a step. */
  readonly sparsityAt: (step: number) => number;
}

/** On cpu the state lies on the host already, and the host's cut, a histogram, takes fewer passes over the weights. */
const isOnHost = ({ device = 'auto' }: SessionOptions = {}): boolean => device === 'auto' || device === 'cpu';

/** The events of a run that its device takes by itself; none on cpu, or where only the host reads the layout of the weights. */
export function deviceEvents(
  request: TrainRequest,
  pruner: Pruner,
  signature: StepSignature,
): DeviceEvents | undefined {
  const { masks } = pruner;
  if (!masks || masks.steps.size === 0 || isOnHost(request.session)) return undefined;
  const model = maskEvent(signature, request.groups, masks.method);
  return model && { model, steps: masks.steps, sparsityAt: masks.sparsityAt };
}

/** The scalars of a step's event. */
export const eventScalars = (events: DeviceEvents | undefined, step: number): Record<string, number> =>
  events ? { [EVENT]: Number(events.steps.has(step)), [EVENT_SPARSITY]: events.sparsityAt(step) } : {};

/** The results of steps, and zeros and heads after the last event among them, where there was one. */
export function apart(all: Readonly<Record<string, Float32Array>>): {
  readonly results: Record<string, Float32Array>;
  readonly event?: { readonly zeros: number; readonly heads: number };
} {
  const { [EVENT_ZEROS]: zeros, [EVENT_HEADS]: heads, ...results } = all;
  const at = zeros?.findLastIndex((n) => !Number.isNaN(n)) ?? -1;
  return at < 0 ? { results } : { results, event: { zeros: zeros?.[at] as number, heads: heads?.[at] as number } };
}
