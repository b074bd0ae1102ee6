import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parquetReadObjects } from 'hyparquet';
import { onTestFinished } from 'vitest';
import type { DataRow, EncodedRow, EncodedRows } from '../src/encode.js';

/** Read-only material beside the repository: models, data sets, golden values. */
export const shared = path.resolve(import.meta.dirname, '../../../../shared');

/** Whether that material is there. */
export const hasShared = existsSync(shared);

/** A model's folder in the material. */
export const modelFolder = (id: string): string => path.join(shared, 'hub/models', id);

/** Rows of a GLUE split in a folder of Hub layout, the material's by default. */
export async function glueRows(config: string, split: string, hub = path.join(shared, 'hub')): Promise<DataRow[]> {
  const file = await readFile(path.join(hub, `datasets/nyu-mll/glue/${config}/${split}-00000-of-00001.parquet`));
  return parquetReadObjects({ file: file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength) });
}

/** A folder that is gone after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'evaluate-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Rows of given lengths whose ids are their positions and whose tokens count up from 1. */
export function rowsOfLengths(lengths: readonly number[], regression = false): EncodedRows<EncodedRow[]> {
  const rows = lengths.map(
    (length, id): EncodedRow => ({
      id,
      label: regression ? id / 4 : id % 2,
      inputIds: Int32Array.from({ length }, (_, i) => 1000 * id + i + 1),
      tokenTypeIds: Int32Array.from({ length }, (_, i) => (i >= length / 2 ? 1 : 0)),
    }),
  );
  return { rows, regression, padId: 0 };
}
