import path from 'node:path';
import type { PredictionFile } from '@neuroprune/evaluate';
import type { HubOptions } from '@neuroprune/hub';
import type { Harness } from './score-pair.js';

/** Folder of the cache of predictions; may be removed at any time. */
export const predictionFolder = ({ assetsDir }: HubOptions): string =>
  path.join(assetsDir, 'neuroprune', 'predictions');

/** Which predictions are wanted. */
interface Wanted {
  /** A hash of all that decides them. */
  readonly key: string;
  /** What messages call them. */
  readonly name: string;
  readonly harness: Harness;
}

/** Predictions from the cache, or made anew and kept there; with `--no-cache` always made. */
export async function cachedPredictions<T>(
  files: Pick<PredictionFile<T>, 'find' | 'keep'>,
  { key, name, harness: { options, hub, context } }: Wanted,
  make: () => Promise<readonly T[]>,
): Promise<readonly T[]> {
  if (!options.cache) return make();
  const kept = path.join(predictionFolder(hub), `${key}.ndjson`);
  const found = await files.find(kept);
  if (found !== undefined && found !== 'corrupt') {
    context.onEvent({ type: 'note', message: `${name}: predictions were in the cache` });
    return found;
  }
  if (found === 'corrupt') {
    const message = `${kept}: expected predictions as they were written, got others; scoring again`;
    context.onEvent({ type: 'warning', message });
  }
  const predictions = await make();
  // A cache that cannot be written is no reason to fail.
  await files.keep(kept, predictions).catch(() => {});
  return predictions;
}
