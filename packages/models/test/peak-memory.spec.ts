import { execFile } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const MEGABYTE = 1e6;
const size = (process.env.NEUROPRUNE_CHECK === 'full' ? 500 : 100) * MEGABYTE;

/** Shares of a BERT's tensors: word embeddings of a fifth, then matrices. */
const shares = [20, ...new Array<number>(40).fill(2)];

let folder: string;
let file: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'safetensors-'));
  file = path.join(folder, 'model.safetensors');
  let at = 0;
  const entries = shares.map((share, i) => {
    const begin = at;
    at += (size / 100) * share;
    return [`tensor.${i}`, { dtype: 'F32', shape: [(at - begin) / 4], data_offsets: [begin, at] }] as const;
  });
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const handle = await open(file, 'w');
  await handle.write(Buffer.concat([length, header]));
  // The rest is a hole that reads as zeros: no disk is needed, and reading fills memory all the same.
  await handle.truncate(8 + header.length + size);
  await handle.close();
});

afterAll(() => rm(folder, { recursive: true }));

/** Growth of the peak of resident memory over the size of the file. */
async function growth(how: 'file' | 'bytes'): Promise<number> {
  const script = fileURLToPath(new URL('./peak-memory.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, how, file]);
  const { bytes, grown } = JSON.parse(stdout) as { bytes: number; grown: number };
  expect(bytes).toBe(size);
  return grown / size;
}

test(`reading ${size / MEGABYTE} MB by path holds the tensors once`, async () => {
  const times = await growth('file');
  expect(times).toBeLessThan(1.1);
  expect(times).toBeGreaterThan(0.9);
});

test('what holds everything twice is seen as such', async () => {
  expect(await growth('bytes')).toBeGreaterThan(1.8);
});
