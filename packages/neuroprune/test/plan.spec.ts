/** What a dry run says beforehand against what the run takes; with NEUROPRUNE_CHECK=full MiniLM's too. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { type LocalHub, startLocalHub } from '@neuroprune/local-hub';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fixtures, neuroprune, root, TOKEN, temporary } from './command.js';

/** Within this factor memory and time come out as said. */
const [MEMORY, TIME] = [1.5, 4];

const full = process.env.NEUROPRUNE_CHECK === 'full';
const miniLm = path.resolve(root, '../shared/hub/models/sentence-transformers/all-MiniLM-L6-v2');
let folder = '';
let hub: LocalHub;
let env: Record<string, string> = {};
let remove = async (): Promise<void> => {};

beforeAll(async () => {
  ({ folder, remove } = await temporary());
  hub = await startLocalHub({ root: path.join(folder, 'hub'), token: TOKEN, seed: fixtures });
  env = { HF_ENDPOINT: hub.url, HF_TOKEN: TOKEN, HF_HOME: path.join(folder, 'home') };
});

afterAll(async () => {
  await hub.close();
  await remove();
});

async function reported(input: object) {
  const script = path.join(import.meta.dirname, 'peak-memory.mjs');
  const { stdout } = await promisify(execFile)(process.execPath, [script, JSON.stringify(input)], {
    cwd: folder,
    env: { ...process.env, ...env },
  });
  return JSON.parse(stdout);
}

const rows = [
  ['bert-micro', 'neuroprune/bert-micro-uncased', 16, 100],
  ...(full ? [['bert-micro, wider', 'neuroprune/bert-micro-uncased', 64, 100] as const] : []),
  ...(full && existsSync(miniLm) ? [['MiniLM', miniLm, 32, 5] as const] : []),
] as const;

test.each(rows)(
  'memory and time come out as a dry run says, within a stated factor: %s',
  { timeout: 300_000 },
  async (name, model, batchSize, maxSteps) => {
    const asked = { model, task: 'sst2', method: 'dense', batchSize, maxSteps, threads: 2, out: `runs/${batchSize}` };
    const plan = await reported({ ...asked, dryRun: true });
    const run = await reported({ ...asked, checkpointEvery: String(maxSteps) });
    const said = `${name}: estimated ${mb(plan.memory)}, steps of a dry run ${mb(plan.timing.peak)}, training ${mb(run.peak)} MB; ${plan.timing.seconds.toFixed(1)} s said, ${run.seconds.toFixed(1)} s taken`;
    if (full) console.log(said);
    const peak = Math.max(plan.timing.peak, run.peak); // the first steps of a run may have short rows only
    expect(Math.max(plan.memory / peak, peak / plan.memory), said).toBeLessThan(MEMORY);
    if (maxSteps === 5) return; // too few to be timed
    expect(plan.timing.seconds / run.seconds, said).toBeLessThan(TIME);
    expect(run.seconds / plan.timing.seconds, said).toBeLessThan(TIME);
  },
);

const mb = (bytes: number): string => (bytes / 1e6).toFixed(0);

test('more than there is is told before anything is trained, and nothing is tried', { timeout: 120_000 }, async () => {
  const line = 'prune neuroprune/bert-micro-uncased --task sst2 --method dense --batch-size 60000 --dry-run --json';
  const { code, stdout, stderr } = await neuroprune(line.split(' '), { cwd: folder, env });
  expect(code).toBe(0);
  expect(stderr).toMatch(/^warning: memory: expected room for about [\d,]+ MB, got [\d,]+ MB; try --accumulate auto/m);
  const plan = JSON.parse(stdout);
  expect(plan.timing).toBeUndefined();
  expect(plan.memory).toBeGreaterThan(plan.memoryAvailable);
});

test('a dry run lists what would be written, and writes none of it', { timeout: 120_000 }, async () => {
  const line =
    'prune neuroprune/bert-micro-uncased --task sst2 --sparsity 0.5 --dry-run --json --tensorboard --out never';
  const { stdout } = await neuroprune(line.split(' '), { cwd: folder, env });
  const { runFiles, timing, steps } = JSON.parse(stdout);
  expect(runFiles.map((file: { path: string }) => file.path)).toEqual([
    ...['recipe.json', 'events.ndjson', 'checkpoints/', 'run.json', 'predictions/sst2.ndjson', 'sample.json'],
    ...['report/', 'tensorboard/'],
  ]);
  const [typical, largest] = timing.batches;
  expect(largest.length).toBeGreaterThan(typical.length);
  expect(timing.seconds).toBeGreaterThan((steps * typical.ms) / 4000);
  expect(existsSync(path.join(folder, 'never'))).toBe(false);
});
