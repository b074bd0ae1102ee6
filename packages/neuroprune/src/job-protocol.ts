import { type ErrorKind, NeuropruneError } from './error.js';
import type { RunEvent } from './events.js';
import type { VerbInput, VerbName } from './schema/verbs.js';

/** What a thread of jobs is asked: to do a verb's work, or to end it early. */
export type JobRequest =
  | {
      readonly type: 'run';
      readonly id: number;
      readonly verb: VerbName;
      /** As the caller gave it. */
      readonly input: VerbInput<VerbName>;
      readonly cwd: string;
      readonly env: Readonly<Record<string, string | undefined>>;
    }
  | { readonly type: 'abort'; readonly id: number };

/** What the thread says of a job: what happens in it, and how it ends. */
export type JobAnswer =
  | { readonly type: 'event'; readonly id: number; readonly event: RunEvent }
  | { readonly type: 'done'; readonly id: number; readonly result: unknown }
  | { readonly type: 'aborted'; readonly id: number }
  | { readonly type: 'failed'; readonly id: number; readonly error: PlainError };

/** An error as plain data: what is copied to another thread keeps no class and no fields of its own. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
  readonly kind?: ErrorKind;
  readonly code?: string;
  /** What a job came to all the same. */
  readonly result?: unknown;
  readonly cause?: PlainError;
}

/** An error as plain data, those that caused it with it. */
export function plainError(thrown: unknown): PlainError {
  if (!(thrown instanceof Error)) return { name: 'Error', message: String(thrown) };
  const { name, message, stack, cause } = thrown;
  const { kind, code, result } = thrown as { kind?: ErrorKind; code?: unknown; result?: unknown };
  return {
    ...{ name, message, stack },
    ...(kind !== undefined && { kind }),
    ...(typeof code === 'string' && { code }),
    ...(result !== undefined && { result }),
    ...(cause !== undefined && { cause: plainError(cause) }),
  };
}

/** The error again: one with a `kind` is of the façade, whichever package it is from. */
export function errorOf({ name, message, stack, kind, code, result, cause: plain }: PlainError): Error {
  const cause = plain && { cause: errorOf(plain) };
  const error = kind
    ? new NeuropruneError(kind, message, { ...cause, ...(result !== undefined && { result }) })
    : Object.assign(new Error(message, cause), { name, ...(code !== undefined && { code }) });
  if (stack !== undefined) error.stack = stack;
  return error;
}
