/** What stops the local Hub from starting: `input` for wrong options, `job` for what the machine refuses. */
export class LocalHubError extends Error {
  override readonly name = 'LocalHubError';
  readonly kind: 'input' | 'job';

  constructor(kind: 'input' | 'job', message: string, options?: ErrorOptions) {
    super(`local-hub: ${message}`, options);
    this.kind = kind;
  }
}
