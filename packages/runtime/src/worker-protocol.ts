import type { Tensor } from '@neuroprune/onnx';
import type { ResolvedSession } from './device.js';

/** Tensors that cross to or from the worker; their buffers are moved, not copied. */
export type NamedTensors = readonly (readonly [name: string, tensor: Tensor])[];

/** What the worker can be asked. */
export type Request =
  | {
      readonly type: 'load';
      readonly model: string;
      readonly session: ResolvedSession;
      /** Outputs that stay in buffers of the device between runs. */
      readonly resident?: readonly string[];
      /** A model that `run` takes after a step that asks for it, over what is held. */
      readonly event?: { readonly model: string; readonly resident: readonly string[] };
    }
  | { readonly type: 'hold'; readonly tensors: NamedTensors }
  | { readonly type: 'take'; readonly names: readonly string[] }
  | {
      readonly type: 'run';
      /** Whether the buffers of the inputs are nobody else's, so that they move; otherwise they are copied. */
      readonly staged: boolean;
      /** Inputs of each run, in order, held ones apart. */
      readonly runs: readonly Inputs[];
      readonly outputs: readonly string[];
      /** Held inputs, each replaced after a run by the output beside it. */
      readonly carried: Carried;
      /** What the model of events gives, and what it replaces. */
      readonly event?: { readonly outputs: readonly string[]; readonly carried: Carried };
    }
  | { readonly type: 'close' };

/** Inputs beside the outputs that follow them. */
export type Carried = readonly (readonly [input: string, output: string])[];

/** Inputs of one run, and those of the event after it, where there is one. */
export interface Inputs {
  readonly inputs: NamedTensors;
  readonly event?: NamedTensors;
}

/** A request with the number its answer will carry, and that of the session it is for. */
export interface Numbered {
  readonly id: number;
  readonly session: number;
  readonly request: Request;
}

/** The worker's answer: tensors (those of several runs one after another), or what went wrong. */
export type Answer =
  | { readonly id: number; readonly tensors: NamedTensors }
  | { readonly id: number; readonly error: string };

/** Buffers of tensors, each once. */
export const buffersOf = (tensors: NamedTensors): ArrayBuffer[] => [
  ...new Set(
    tensors.flatMap(([, { data }]) =>
      Array.isArray(data) ? [] : [(data as Exclude<Tensor['data'], readonly string[]>).buffer as ArrayBuffer],
    ),
  ),
];
