/** Whose turn it is after an error: the caller's (`input`, exit code 2) or the job's (`job`, exit code 1). */
export type ErrorKind = 'input' | 'job';

/** Error of the façade and the command line; `result` is printed before the message when the job produced one all the same. */
export class NeuropruneError extends Error {
  override readonly name = 'NeuropruneError';
  readonly kind: ErrorKind;
  readonly result: unknown;

  constructor(kind: ErrorKind, message: string, options: { cause?: unknown; result?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.kind = kind;
    this.result = options.result;
  }
}
