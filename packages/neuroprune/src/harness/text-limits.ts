import { existsSync } from 'node:fs';
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

/** Whether a folder's model writes from what an encoder reads; others go on with their prompt, whose tokens take positions. */
export const readsSource = (folder: string): boolean =>
  ['onnx', ''].some((place) => existsSync(path.join(folder, place, 'encoder_model.onnx')));
