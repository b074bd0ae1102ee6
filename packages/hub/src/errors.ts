/** Why hub work stopped: `input` for what the caller gave, `job` for what the Hub, network or disk did. */
export class HubError extends Error {
  override readonly name = 'HubError';
  readonly kind: 'input' | 'job';
  /** HTTP status, where the Hub refused. */
  readonly status: number | undefined;

  constructor(kind: 'input' | 'job', message: string, facts: ErrorOptions & { readonly status?: number } = {}) {
    super(`hub: ${message}`, facts.cause === undefined ? {} : { cause: facts.cause });
    this.kind = kind;
    this.status = facts.status;
  }
}
