import type { RunEvent } from './events.js';

/** What a verb gets beside its options. */
export interface RunContext {
  /** Ends the verb between two units of work. */
  readonly signal: AbortSignal;
  readonly onEvent: (event: RunEvent) => void;
  /** Folder that relative paths start from. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Stands in for the requests to the Hub; the process's own through its proxies when absent. */
  readonly fetch?: typeof fetch;
}
