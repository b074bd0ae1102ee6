import type { Provider } from '@neuroprune/runtime';

/** Wall time, in seconds, that one `run()` should take at least: long enough that staging is cheap, short enough to stop quickly. */
const SHORTEST = 2;
const LONGEST = 24;
/** Seconds of steps for every gigabyte of state on cuda, where it crosses to the host and back after each run: 0.4 s a gigabyte on an H200. */
const SECONDS_A_GIGABYTE = 16;

/** Wall time, in seconds, that one `run()` should take; `bytes` are those of the state. */
export const chunkSeconds = (provider: Provider, bytes: number): number =>
  provider === 'cuda' ? Math.min(Math.max(SHORTEST, (bytes / 1e9) * SECONDS_A_GIGABYTE), LONGEST) : SHORTEST;

/** Steps of the first chunk, before a step has been timed. */
const FIRST = 4;

/**
 * How many steps to take next: up to the next event, and about what fills a run of those seconds. The size of chunks never changes
 * the result, only when the host sees it.
 */
export function chunkSize(
  done: number,
  steps: number,
  events: readonly number[],
  stepMs: number | undefined,
  seconds: number = SHORTEST,
): number {
  const next = events.find((event) => event > done) ?? steps;
  const affordable = stepMs === undefined ? FIRST : Math.max(1, Math.round((seconds * 1000) / stepMs));
  return Math.min(affordable, next - done, steps - done);
}
