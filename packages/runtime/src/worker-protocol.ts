import type { Tensor } from '@neuroprune/onnx';
import type { ResolvedSession } from './device.js';

/** Tensors that cross to or from the worker; their buffers are moved, not copied. */
export type NamedTensors = readonly (readonly [name: string, tensor: Tensor])[];

/** What the worker can be asked. */
export type Request =
  | { readonly type: 'load'; readonly model: string; readonly session: ResolvedSession }
  | { readonly type: 'hold'; readonly tensors: NamedTensors }
  | { readonly type: 'take'; readonly names: readonly string[] }
  | {
      readonly type: 'run';
      readonly inputs: NamedTensors;
      readonly outputs: readonly string[];
      /** Held inputs, each replaced after the run by the output beside it. */
      readonly carried: readonly (readonly [input: string, output: string])[];
    }
  | { readonly type: 'close' };

/** A request with the number its answer will carry, and that of the session it is for. */
export interface Numbered {
  readonly id: number;
  readonly session: number;
  readonly request: Request;
}

/** The worker's answer: tensors, or what went wrong. */
export type Answer =
  | { readonly id: number; readonly tensors: NamedTensors }
  | { readonly id: number; readonly error: string };
