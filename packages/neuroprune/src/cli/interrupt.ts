/** The part of a process that takes signals. */
export interface SignalSource {
  on(name: NodeJS.Signals, listener: () => void): unknown;
  off(name: NodeJS.Signals, listener: () => void): unknown;
}

/** Exit code of a run that was interrupted. */
export const INTERRUPTED = 130;

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * A signal that aborts on SIGINT or SIGTERM. A second one calls `force`, for a job that does not come to an end.
 * `release` takes the listeners off.
 */
export function interruptible(source: SignalSource, force: () => void): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const listener = () => (controller.signal.aborted ? force() : controller.abort());
  for (const name of SIGNALS) source.on(name, listener);
  const release = () => {
    for (const name of SIGNALS) source.off(name, listener);
  };
  return { signal: controller.signal, release };
}
