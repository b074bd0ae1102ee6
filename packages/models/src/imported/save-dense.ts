import { stat } from 'node:fs/promises';
import path from 'node:path';
import { type Model, saveModel, type Tensor } from '@neuroprune/onnx';
import { readSafetensorsHeader } from '../safetensors/read.js';
import { DENSE_GRAPH } from './source.js';

/**
 * Writes the uncut graph of a model without source beside its `model.safetensors`, in which its weights lie: ONNX's external
 * data and safetensors are both plain bytes at an offset, so the weights are there once and ONNX Runtime runs the file.
 */
export async function saveDense(
  folder: string,
  denseGraph: (tensors: ReadonlyMap<string, Tensor>) => Model,
  tensors: ReadonlyMap<string, Tensor>,
): Promise<void> {
  const location = 'model.safetensors';
  const file = path.join(folder, location);
  const { tensors: entries } = await readSafetensorsHeader(file);
  const header = (await stat(file)).size - Math.max(0, ...entries.map(({ end }) => end));
  const stored = new Map(
    entries.flatMap(({ name, begin }) => {
      const tensor = tensors.get(name);
      return tensor ? [[tensor, { location, offset: header + begin }] as const] : [];
    }),
  );
  await saveModel(denseGraph(tensors), path.join(folder, DENSE_GRAPH), { stored });
}
