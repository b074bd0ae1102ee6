import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';

/** Read-only material beside the repository: models and golden values. */
export const shared = path.resolve(import.meta.dirname, '../../../../shared');

/** Whether that material is there. */
export const hasShared = existsSync(shared);

/** A model's folder in the material. */
export const modelFolder = (id: string): string => path.join(shared, 'hub/models', id);

/** The small pretrained BERT that comes with the repository. */
export const microFolder = path.resolve(
  import.meta.dirname,
  '../../../fixtures/hub/models/neuroprune/bert-micro-uncased',
);

/** A folder that is gone after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'models-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
