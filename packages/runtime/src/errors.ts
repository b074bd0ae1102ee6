/** A session that could not be made or run; `kind` says whose mistake it is. */
export class RuntimeError extends Error {
  override readonly name = 'RuntimeError';
  constructor(
    message: string,
    readonly kind: 'input' | 'job' = 'job',
    options?: ErrorOptions,
  ) {
    super(`runtime: ${message}`, options);
  }
}
