import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildModel } from '../src/build-model.js';
import { withoutData } from '../src/params.js';
import { architectureOf } from '../src/registry.js';

const MEGABYTE = 1e6;
const size = (process.env.NEUROPRUNE_CHECK === 'full' ? 500 : 100) * MEGABYTE;

/** Shares of a BERT's tensors: word embeddings of a fifth, then matrices. */
const shares = [20, ...new Array<number>(40).fill(2)];

let folder: string;
let file: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'safetensors-'));
  file = path.join(folder, 'model.safetensors');
  await writeHole(file, 'F32', new Map(shares.map((share, i) => [`tensor.${i}`, [((size / 100) * share) / 4]])));
});

afterAll(() => rm(folder, { recursive: true }));

/** Growth of the peak of resident memory over the size of the file. */
async function growth(how: 'file' | 'bytes' | 'model', of = file, total = size): Promise<number> {
  const script = fileURLToPath(new URL('./peak-memory.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, how, of]);
  const { bytes, grown } = JSON.parse(stdout) as { bytes: number; grown: number };
  expect(bytes).toBe(total);
  return grown / total;
}

/** Writes a header and a hole of as many bytes as it speaks of; gives that number. */
async function writeHole(target: string, dtype: 'F32' | 'F16', shapes: ReadonlyMap<string, readonly number[]>) {
  let at = 0;
  const entries = [...shapes].map(([name, shape]) => {
    const begin = at;
    at += shape.reduce((a, b) => a * b, dtype === 'F32' ? 4 : 2);
    return [name, { dtype, shape, data_offsets: [begin, at] }] as const;
  });
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const handle = await open(target, 'w');
  await handle.write(Buffer.concat([length, header]));
  // The rest is a hole that reads as zeros: no disk is needed, and reading fills memory all the same.
  await handle.truncate(8 + header.length + at);
  await handle.close();
  return at;
}

// BERT-base, or in the short run one of 4 of its 12 layers.
const bertBase = {
  model_type: 'bert',
  vocab_size: 30_522,
  hidden_size: 768,
  num_hidden_layers: process.env.NEUROPRUNE_CHECK === 'full' ? 12 : 4,
  num_attention_heads: 12,
  intermediate_size: 3072,
};

/** A folder of that model, and a tensor of a fifth of its size that it has no use for; gives the model's bytes in float32. */
async function modelFolder(dtype: 'F32' | 'F16'): Promise<{ target: string; total: number }> {
  const target = path.join(folder, dtype);
  await mkdir(target);
  await writeFile(path.join(target, 'config.json'), JSON.stringify(bertBase));
  const shapes = new Map<string, readonly number[]>();
  const note = (name: string, dims: readonly number[]) => {
    shapes.set(name, dims);
    return withoutData(dims);
  };
  const config = architectureOf(bertBase).config.parse(bertBase);
  buildModel({ config, tensors: new Map(), labels: 2, initialize: note });
  const total = [...shapes.values()].reduce((sum, dims) => sum + dims.reduce((a, b) => a * b, 4), 0);
  shapes.set('cls.unused', [Math.round(total / 20)]);
  await writeHole(path.join(target, 'model.safetensors'), dtype, shapes);
  return { target, total };
}

test(`reading ${size / MEGABYTE} MB by path holds the tensors once`, async () => {
  const times = await growth('file');
  expect(times).toBeLessThan(1.1);
  expect(times).toBeGreaterThan(0.9);
});

test('what holds everything twice is seen as such', async () => {
  expect(await growth('bytes')).toBeGreaterThan(1.8);
});

test.each(['F32', 'F16'] as const)(
  'a model of the size of BERT-base is loaded from %s within 1.3 times its size',
  async (dtype) => {
    const { target, total } = await modelFolder(dtype);
    const times = await growth('model', target, total);
    expect(times).toBeLessThan(1.3);
    expect(times).toBeGreaterThan(0.9);
  },
);
