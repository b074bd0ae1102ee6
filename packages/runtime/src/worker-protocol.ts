import type { Tensor } from '@neuroprune/onnx';
import type { Provider, ResolvedSession } from './device.js';

/** Tensors that cross to or from the worker; their buffers are moved, not copied. */
export type NamedTensors = readonly (readonly [name: string, tensor: Tensor])[];

/** What the thread between the program and a process of sessions is told at its start. */
export interface RelayData {
  readonly provider: Provider;
  /** Whether products are in float32, not TF32. */
  readonly exact: boolean;
}

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
      /** Has a module do something with held tensors, where they lie. */
      readonly type: 'change';
      /** Their names here, beside those under which the module gets them. */
      readonly names: readonly (readonly [held: string, name: string])[];
      readonly work: StateWork;
    }
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

/** A module that does something with a state, and what it is told. */
export interface StateWork {
  /** Address of a module whose export `change` takes the state and the argument and returns a `StateChange`, or a promise of one. */
  readonly module: string;
  /** Anything that can be sent to another process. */
  readonly argument: unknown;
}

/** What came of work on a state: any value that can be sent, and tensors, whose buffers are moved. */
export interface StateChange {
  readonly value: unknown;
  readonly tensors: NamedTensors;
}

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

/** What a request comes to: tensors (those of several runs one after another), and the value of a change. */
export interface Result {
  readonly tensors: NamedTensors;
  readonly value?: unknown;
}

/** The worker's answer: what the request came to, or what went wrong. */
export type Answer = ({ readonly id: number } & Result) | { readonly id: number; readonly error: string };

/** Part of an answer of a process, to which others follow. */
export type Part = Answer & { readonly more?: boolean };

/** An answer in parts of a tensor each: a message between processes is copied whole, and cannot be of many gigabytes. */
export function partsOf({ id, tensors, ...rest }: Exclude<Answer, { error: string }>): Part[] {
  return [...tensors.map((tensor) => ({ id, tensors: [tensor], more: true })), { id, tensors: [], ...rest }];
}

/** Buffers of tensors, each once. */
export const buffersOf = (tensors: NamedTensors): ArrayBuffer[] => [
  ...new Set(
    tensors.flatMap(([, { data }]) =>
      Array.isArray(data) ? [] : [(data as Exclude<Tensor['data'], readonly string[]>).buffer as ArrayBuffer],
    ),
  ),
];
