import { mkdir, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { type Model, saveModel } from '@neuroprune/onnx';

/** Weights beyond this lie in a file of their own: a protobuf message ends at 2 GiB. */
const LARGEST_INSIDE = 1_800_000_000;

/** Writes an ONNX model, its folder made, large weights beside it as `<file>_data`; whole or not at all. */
export async function writeOnnx(model: Model, file: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const bytes = model.graph.initializers.reduce((sum, { tensor }) => {
    const data = tensor?.data;
    return sum + (data && 'byteLength' in data ? data.byteLength : 0);
  }, 0);
  await saveModel(model, file, bytes > LARGEST_INSIDE ? { externalData: `${path.basename(file)}_data` } : {});
}

/** Bytes of an ONNX file and of the external data beside it. */
export async function onnxBytes(file: string): Promise<number> {
  const names = (await readdir(path.dirname(file))).filter((name) => name.startsWith(path.basename(file)));
  const sizes = await Promise.all(names.map(async (name) => (await stat(path.join(path.dirname(file), name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
