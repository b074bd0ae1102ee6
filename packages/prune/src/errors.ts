/** A pruning error; `input` is the user's (exit code 2), `job` a stage that did not hold (exit code 1). */
export class PruneError extends Error {
  override readonly name = 'PruneError';

  constructor(
    message: string,
    readonly kind: 'input' | 'job' = 'job',
    options?: ErrorOptions,
  ) {
    super(`prune: ${message}`, options);
  }
}
