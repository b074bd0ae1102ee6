/** Everything this package throws: `input` is a mistake in what was asked or read, `job` a computation that did not hold. */
export class EvaluateError extends Error {
  override readonly name = 'EvaluateError';

  constructor(
    readonly kind: 'input' | 'job',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
