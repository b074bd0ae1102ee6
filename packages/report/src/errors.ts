/** A run file that cannot be read as a report's input; `input` is the user's (exit code 2), `job` ours (1). */
export class ReportError extends Error {
  override readonly name = 'ReportError';

  constructor(
    message: string,
    readonly kind: 'input' | 'job' = 'input',
    options?: ErrorOptions,
  ) {
    super(`report: ${message}`, options);
  }
}
