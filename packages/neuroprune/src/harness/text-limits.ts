import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';

/** What configurations call the number of positions a model has. */
const Config = z.looseObject({
  max_position_embeddings: z.int().positive().optional().catch(undefined),
  n_positions: z.int().positive().optional().catch(undefined),
});

/** Positions that a model has by its config.json; Infinity where it does not say. T5's `n_positions` limits nothing. */
export async function positionsOf(folder: string): Promise<number> {
  const text = await readFile(path.join(folder, 'config.json'), 'utf8').catch(() => '{}');
  const { model_type: type, ...config } = Config.parse(JSON.parse(text));
  return config.max_position_embeddings ?? (type === 't5' ? undefined : config.n_positions) ?? Number.POSITIVE_INFINITY;
}
