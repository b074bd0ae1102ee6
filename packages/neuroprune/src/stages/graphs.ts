import path from 'node:path';
import type { Model } from '@neuroprune/onnx';
import type { Dtype } from '../schema/dtype.js';
import { onnxBytes, type WriteOnnxOptions, writeOnnx } from './onnx-file.js';
import { variantFile, variantOf } from './variants.js';

/** An ONNX file that was written. */
export interface WrittenGraph {
  /** Relative to the model's folder. */
  readonly file: string;
  readonly dtype: Dtype;
  /** Its bytes, those of its external data among them. */
  readonly bytes: number;
  /** Whether its weights lie in `<file>_data`. */
  readonly external: boolean;
}

/** Writes graphs, by file, in each of the precisions; one after another, so that one copy at a time is made. */
export async function writeGraphs(
  folder: string,
  graphs: ReadonlyMap<string, Model>,
  dtypes: readonly Dtype[],
  options: WriteOnnxOptions = {},
): Promise<WrittenGraph[]> {
  const written: WrittenGraph[] = [];
  for (const dtype of dtypes) {
    for (const [name, model] of graphs) {
      const file = variantFile(name, dtype);
      const full = path.join(folder, file);
      const external = await writeOnnx(variantOf(model, dtype), full, options);
      written.push({ file, dtype, bytes: await onnxBytes(full), external });
    }
  }
  return written;
}

/** What transformers.js reads of a configuration, beside the model's own keys. */
const KEY = 'transformers.js_config';

/**
 * A configuration that tells transformers.js which files have external data, and which precision there is where float32
 * is not; unchanged where it needs no telling.
 */
export function withTransformersJs(
  config: Readonly<Record<string, unknown>>,
  written: readonly Omit<WrittenGraph, 'bytes'>[],
): Record<string, unknown> {
  const outside = written.filter(({ external }) => external);
  const [first] = written;
  const told = {
    ...(outside.length > 0 && {
      use_external_data_format: Object.fromEntries(outside.map(({ file }) => [path.posix.basename(file), 1])),
    }),
    ...(first && written.every(({ dtype }) => dtype !== 'fp32') && { dtype: first.dtype }),
  };
  return Object.keys(told).length === 0 ? { ...config } : { ...config, [KEY]: told };
}
