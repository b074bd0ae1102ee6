/**
 * Checkpoints on disk: `<dir>/<step>/` with `state.safetensors`, `progress.json` and `manifest.json`. A checkpoint is
 * written under a name that starts with a dot, synced file by file, and renamed: what has a plain number for a name was
 * written whole. The manifest has the hash of both files, so that what went bad later is found when it is read.
 */
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { readSafetensors, safetensorsChunks } from '@neuroprune/models';
import type { Tensor } from '@neuroprune/onnx';
import { z } from 'zod';
import { PruneError } from '../errors.js';
import { fingerprintOf, namesIn, renameDurable, syncFolder, writeDurable } from './durable.js';

/** Everything a run goes on from. */
export interface Checkpoint {
  /** Steps done. */
  readonly step: number;
  /** State tensors by input name (`<stack>.<slot>`). */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** What the host knows, as JSON. */
  readonly progress: unknown;
}

/** Points inside the writing of a checkpoint. */
export type WritePoint = 'checkpoint-write' | 'checkpoint-rename';

const FORMAT = 1;
const STATE = 'state.safetensors';
const PROGRESS = 'progress.json';
const MANIFEST = 'manifest.json';

const Fingerprints = z.object({ bytes: z.int(), sha256: z.string() });
const Manifest = z.object({
  format: z.literal(FORMAT),
  step: z.int(),
  files: z.object({ [STATE]: Fingerprints, [PROGRESS]: Fingerprints }),
});

const json = (value: unknown): Uint8Array => Buffer.from(`${JSON.stringify(value, null, 1)}\n`);

/** Steps that a folder has checkpoints of, ascending. */
export async function checkpointSteps(dir: string): Promise<number[]> {
  const names = (await namesIn(dir)).filter((name) => /^\d{1,15}$/.test(name));
  return names.map(Number).sort((a, b) => a - b);
}

/**
 * Writes a checkpoint whole or not at all, in the place of one of the same step. `at` is called at points of it. Throws a
 * job error that names the folder where there is no room; earlier checkpoints are as they were then.
 */
export async function writeCheckpoint(
  dir: string,
  { step, tensors, progress }: Checkpoint,
  at: (point: WritePoint) => void = () => {},
): Promise<void> {
  const draft = path.join(dir, `.${step}.draft`);
  try {
    await mkdir(dir, { recursive: true });
    await rm(draft, { recursive: true, force: true });
    await mkdir(draft);
    const chunks = safetensorsChunks(tensors, { format: 'pt' });
    const state = await writeDurable(path.join(draft, STATE), chunks, () => at('checkpoint-write'));
    const host = await writeDurable(path.join(draft, PROGRESS), [json(progress)]);
    const manifest = { format: FORMAT, step, files: { [STATE]: state, [PROGRESS]: host } };
    await writeDurable(path.join(draft, MANIFEST), [json(manifest)]);
    await syncFolder(draft);
    at('checkpoint-rename');
    await rm(path.join(dir, String(step)), { recursive: true, force: true });
    await renameDurable(draft, path.join(dir, String(step)));
  } catch (cause) {
    await rm(draft, { recursive: true, force: true }).catch(() => {});
    throw writeError(path.join(dir, String(step)), cause);
  }
}

const NO_ROOM: Readonly<Record<string, string>> = {
  ENOSPC: 'a full disk',
  EDQUOT: 'a quota that is used up',
  EFBIG: 'a limit on the size of files',
};

function writeError(place: string, cause: unknown): unknown {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === undefined) return cause;
  const got = NO_ROOM[code];
  const text =
    got === undefined
      ? `expected to write it, got ${code}; earlier checkpoints are kept`
      : `expected room for it, got ${got} (${code}); earlier checkpoints are kept: free some space and resume the run`;
  return new PruneError(`checkpoint ${place}: ${text}`, 'job', { cause });
}

/** Removes all but the newest `keep` checkpoints, and what writing left behind. */
export async function tidyCheckpoints(dir: string, keep: number): Promise<void> {
  const old = (await checkpointSteps(dir)).slice(0, -keep).map(String);
  const left = (await namesIn(dir)).filter((name) => /^\.\d+\.(draft|old)$/.test(name));
  for (const name of old) {
    await rename(path.join(dir, name), path.join(dir, `.${name}.old`)); // never half a checkpoint under its name
    left.push(`.${name}.old`);
  }
  for (const name of left) await rm(path.join(dir, name), { recursive: true, force: true });
}

/** Reads one checkpoint. Throws an error that says what is wrong with it, first of all where a hash differs. */
export async function readCheckpoint(dir: string, step: number): Promise<Checkpoint> {
  const folder = path.join(dir, String(step));
  const file = (name: string) => path.join(folder, name);
  const manifest = Manifest.safeParse(JSON.parse(await readFile(file(MANIFEST), 'utf8')));
  if (!manifest.success || manifest.data.step !== step) throw new Error(`expected the ${MANIFEST} of step ${step}`);
  for (const [name, wanted] of Object.entries(manifest.data.files)) {
    const got = await fingerprintOf(file(name));
    if (got.bytes !== wanted.bytes) throw new Error(`expected ${wanted.bytes} bytes in ${name}, got ${got.bytes}`);
    if (got.sha256 !== wanted.sha256) throw new Error(`expected ${name} as its SHA-256 says, got other bytes`);
  }
  const progress: unknown = JSON.parse(await readFile(file(PROGRESS), 'utf8'));
  return { step, tensors: await readSafetensors(file(STATE)), progress };
}

/**
 * The newest checkpoint that is as it was written; undefined where there is none. `warn` is told of each that is not;
 * it gets the name `<step>.corrupt`, so that it is not taken for one again.
 */
export async function newestCheckpoint(dir: string, warn: (message: string) => void): Promise<Checkpoint | undefined> {
  for (const step of (await checkpointSteps(dir)).reverse()) {
    try {
      return await readCheckpoint(dir, step);
    } catch (error) {
      const place = path.join(dir, String(step));
      warn(`checkpoint ${place}: ${(error as Error).message}; it is left aside for the one before`);
      await rm(`${place}.corrupt`, { recursive: true, force: true });
      await renameDurable(place, `${place}.corrupt`);
    }
  }
  return undefined;
}
