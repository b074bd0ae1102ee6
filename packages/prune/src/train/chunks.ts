import type { Provider } from '@neuroprune/runtime';

/**
 * Wall time that one `run()` should take: long enough that moving state is cheap, short enough to stop quickly. On cuda alone
 * the state, 1.3 GB for BERT-base, crosses to the host and back after each: half a second on an H100.
 */
const CHUNK_SECONDS = { cpu: 2, webgpu: 2, cuda: 10 } as const satisfies Record<Provider, number>;
/** Steps of the first chunk, before a step has been timed. */
const FIRST = 4;

/**
 * How many steps to take next: up to the next event, and about what fills a run on that provider. The size of chunks never changes
 * the result, only when the host sees it.
 */
export function chunkSize(
  done: number,
  steps: number,
  events: readonly number[],
  stepMs: number | undefined,
  provider: Provider = 'cpu',
): number {
  const next = events.find((event) => event > done) ?? steps;
  const affordable = stepMs === undefined ? FIRST : Math.max(1, Math.round((CHUNK_SECONDS[provider] * 1000) / stepMs));
  return Math.min(affordable, next - done, steps - done);
}
