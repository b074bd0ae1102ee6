/** Runs `work` over items, at most `limit` at a time; the first failure stops the rest through their signal. */
export async function each<T>(
  items: readonly T[],
  limit: number,
  signal: AbortSignal | undefined,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const both = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  const queue = items.values();
  const lane = async (): Promise<void> => {
    for (const item of queue) {
      both.throwIfAborted();
      await work(item, both);
    }
  };
  const lanes = Array.from({ length: Math.min(limit, items.length) }, () =>
    lane().catch((error: unknown) => {
      stop.abort(error);
      throw error;
    }),
  );
  // All lanes end before this does, so that no file is written after the caller has seen the failure.
  await Promise.allSettled(lanes);
  signal?.throwIfAborted();
  if (stop.signal.aborted) throw stop.signal.reason;
}
