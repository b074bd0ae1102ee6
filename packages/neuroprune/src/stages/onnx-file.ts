import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { byteLengthOf, type Model, saveModel } from '@neuroprune/onnx';

/** Weights beyond this lie in a file of their own: a protobuf message ends at 2 GiB. */
const LARGEST_INSIDE = 1_800_000_000;

/** How an ONNX file is written. */
export interface WriteOnnxOptions {
  /** Bytes of weights beyond which they lie in a file of their own. */
  readonly largestInside?: number | undefined;
}

/**
 * Writes an ONNX model, its folder made, large weights beside it as `<file>_data`; whole or not at all. Says whether there
 * is such a file. Weights are written one after another, never all in a second copy.
 */
export async function writeOnnx(
  model: Model,
  file: string,
  { largestInside = LARGEST_INSIDE }: WriteOnnxOptions = {},
): Promise<boolean> {
  await mkdir(path.dirname(file), { recursive: true });
  const bytes = model.graph.initializers.reduce((sum, { tensor }) => sum + (tensor ? byteLengthOf(tensor) : 0), 0);
  const beside = bytes > largestInside;
  const data = `${path.basename(file)}_data`;
  await saveModel(model, file, beside ? { externalData: data } : {});
  if (!beside) await rm(path.join(path.dirname(file), data), { force: true });
  return beside;
}

/** Bytes of an ONNX file and of the external data beside it. */
export async function onnxBytes(file: string): Promise<number> {
  const names = (await readdir(path.dirname(file))).filter((name) => name.startsWith(path.basename(file)));
  const sizes = await Promise.all(names.map(async (name) => (await stat(path.join(path.dirname(file), name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
