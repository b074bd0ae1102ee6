import { type BatchList, timeBatches } from '@neuroprune/prune';
import { type Batch, tokensIn } from '@neuroprune/runtime';
import type { RunContext } from '../context.js';
import type { Prepared } from './prepare.js';
import type { Recipe } from './recipe.js';
import { stepsOf, withRequest } from './train-model.js';

/** What three steps at two lengths took, and what the training would take by that. */
export interface Timing {
  /** The batch of the median size of an epoch, and its largest. */
  readonly batches: readonly { readonly rows: number; readonly length: number; readonly ms: number }[];
  /** Seconds of all steps, those of the dense training beside it too; what comes before and after apart. */
  readonly seconds: number;
  /** Most bytes the process has held so far, the largest batch included. */
  readonly peak: number;
}

/** Batches of an epoch whose sizes are looked at, evenly spread. */
const MOST_LOOKED_AT = 4096;

/** Takes steps on real batches, and says how long the training would take; nothing is kept of them. */
export function timeModel(prepared: Prepared, recipe: Recipe, context: RunContext): Promise<Timing> {
  return withRequest(prepared, recipe, recipe.method, context, async (request) => {
    const sizes = sizesOf(request.batches(0));
    const [typical, largest] = [sizes[sizes.length >> 1], sizes.at(-1)] as [Sized, Sized];
    const list = request.batches(0);
    const chosen = [typical, largest].map(({ at }) => list.at(at) as Batch);
    const { signal } = context;
    const [typicalMs, largestMs] = (await timeBatches(request, chosen, { signal })) as [number, number];
    const points = [
      { size: typical.size, ms: typicalMs },
      { size: largest.size, ms: largestMs },
    ] as const;
    const mean = sizes.reduce((sum, { size }) => sum + msOf(size, points), 0) / sizes.length;
    const batches = stepsOf(prepared, recipe) * (recipe.accumulate ?? 1) * (recipe.baseline === undefined ? 1 : 2);
    return {
      batches: chosen.map(({ rows, length }, i) => ({ rows, length, ms: i === 0 ? typicalMs : largestMs })),
      seconds: (batches * mean) / 1000,
      peak: process.resourceUsage().maxRSS * 1024,
    };
  });
}

interface Sized {
  readonly at: number;
  /** Tokens, padding included. */
  readonly size: number;
}

/** Sizes of an epoch's batches, ascending. */
function sizesOf(list: BatchList): Sized[] {
  const stride = Math.max(1, Math.ceil(list.length / MOST_LOOKED_AT));
  const sizes: Sized[] = [];
  for (let at = 0; at < list.length; at += stride) {
    sizes.push({ at, size: tokensIn(list.at(at) as Batch) });
  }
  return sizes.sort((a, b) => a.size - b.size);
}

interface Point {
  readonly size: number;
  readonly ms: number;
}

/** Milliseconds of a batch by the line through two others; below the smaller one, towards what a step takes at no size. */
export function msOf(size: number, [small, large]: readonly [Point, Point]): number {
  if (large.size === small.size) return small.ms;
  const slope = Math.max(0, (large.ms - small.ms) / (large.size - small.size));
  const rest = Math.max(0, small.ms - slope * small.size);
  return size >= small.size ? small.ms + slope * (size - small.size) : rest + ((small.ms - rest) * size) / small.size;
}
