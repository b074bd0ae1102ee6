/** Wall time that one `run()` should take: long enough that moving state is cheap, short enough to stop quickly. */
const CHUNK_SECONDS = 2;
/** Steps of the first chunk, before a step has been timed. */
const FIRST = 4;

/**
 * How many steps to take next: up to the next event, and about two seconds' worth. The size of chunks never changes
 * the result, only when the host sees it.
 */
export function chunkSize(done: number, steps: number, events: readonly number[], stepMs: number | undefined): number {
  const next = events.find((event) => event > done) ?? steps;
  const affordable = stepMs === undefined ? FIRST : Math.max(1, Math.round((CHUNK_SECONDS * 1000) / stepMs));
  return Math.min(affordable, next - done, steps - done);
}
