import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Model, writeModel } from '@neuroprune/onnx';

/**
 * Gives `use` the path of a model: its own, or that of a temporary file removed afterwards. Sessions are made from
 * paths, so that large models cross to the worker without a copy.
 */
export async function withModelFile<T>(model: Model | string, use: (path: string) => Promise<T>): Promise<T> {
  if (typeof model === 'string') return use(model);
  const folder = await mkdtemp(join(tmpdir(), 'neuroprune-'));
  try {
    const path = join(folder, 'model.onnx');
    await writeFile(path, writeModel(model));
    return await use(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
