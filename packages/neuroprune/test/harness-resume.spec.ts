/**
 * Evaluations that are killed and go on leave the files of one that was not. In short four kills; with
 * NEUROPRUNE_CHECK=full twenty. NEUROPRUNE_SEED draws other moments.
 */
import { createHash } from 'node:crypto';
import { appendFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type LocalHub, startLocalHub } from '@neuroprune/local-hub';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { neuroprune, TOKEN, temporary } from './command.js';
import { sines, writeClassifier, writeGlue } from './harness-models.js';
import { type Ended, type Place, runUntil, uniform } from './stops.js';

const seed = Number(process.env.NEUROPRUNE_SEED ?? 7);
const draw = uniform(seed);
const kills = process.env.NEUROPRUNE_CHECK === 'full' ? 20 : 4;

let folder = '';
let hub: LocalHub;
let place: Place;
let whole: { readonly files: Readonly<Record<string, string>>; readonly seconds: number };
let remove = async (): Promise<void> => {};
const at = (name: string) => path.join(folder, name);

const command = (out: string, more = '') =>
  `evaluate slow --task sst2,rte --batch-size 2 --no-cache --threads 1 --resamples 200 --out ${out} ${more}`
    .trim()
    .split(' ');

beforeAll(async () => {
  ({ folder, remove } = await temporary());
  await writeGlue(at('seed/datasets/nyu-mll/glue'));
  hub = await startLocalHub({ root: at('hub'), token: TOKEN, seed: at('seed') });
  place = { cwd: folder, env: { HF_ENDPOINT: hub.url, HF_HOME: at('home') } };
  await writeClassifier(at('slow'), sines(2, { work: 30 }));
  await runUntil(command('warm'), place);
  const { code, seconds, stderr } = await runUntil(command('whole'), place);
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  whole = { files: await filesOf('whole'), seconds };
  expect(Object.keys(whole.files)).toHaveLength(5);
}, 60_000);

afterAll(async () => {
  await hub.close();
  await remove();
});

/** Hashes of all files below a folder, its own name apart. */
async function filesOf(out: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(at(out), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const text = (await readFile(file, 'utf8')).replaceAll(`"${out}/`, '"OUT/');
    found[path.relative(at(out), file)] = createHash('sha256').update(text).digest('hex');
  }
  return found;
}

const logOf = (out: string, task: string) => at(`${out}/.evaluate/slow/${task}.ndjson`);
const batchesIn = async (out: string): Promise<number> => {
  const texts = await Promise.all(['sst2', 'rte'].map((task) => readFile(logOf(out, task), 'utf8').catch(() => '')));
  return texts.reduce((sum, text) => sum + Math.max(0, text.split('\n').length - 2), 0);
};

test(`killed at moments of the seed ${seed}, and going on until done: the same files, no batch twice`, async () => {
  console.log(`seed ${seed}: ${kills} kills`);
  let kept = 0;
  for (let i = 0; i < kills; i++) {
    const out = `killed-${i}`;
    let ended: Ended;
    let tries = 0;
    do {
      // Half a second is the start of the process; what follows is spread over the run.
      const seconds = 0.4 + draw() * whole.seconds;
      ended = await runUntil(command(out, '--resume'), place, { signal: 'SIGKILL', seconds });
      kept = Math.max(kept, ended.code === 0 ? 0 : await batchesIn(out));
    } while (ended.code !== 0 && ++tries < 12);
    if (ended.code !== 0) ended = await runUntil(command(out, '--resume'), place);
    expect(ended.code).toBe(0);
    expect(await filesOf(out)).toEqual(whole.files);
  }
  // Where the machine is busy, drawn moments may all miss the time in which batches are kept; this one does not.
  await stopped('killed-at-work');
  kept = Math.max(kept, await batchesIn('killed-at-work'));
  expect((await runUntil(command('killed-at-work', '--resume'), place)).code).toBe(0);
  expect(await filesOf('killed-at-work')).toEqual(whole.files);
  expect(kept).toBeGreaterThan(0);
}, 180_000);

/** Stops a run after some batches of its second task. */
async function stopped(out: string): Promise<void> {
  await runUntil(command(out), place, { signal: 'SIGKILL', said: /evaluate rte validation/ });
  expect(await batchesIn(out)).toBeGreaterThan(20);
}

test('batches that are done are not done again, and a torn line is', async () => {
  await stopped('torn');
  const done = await batchesIn('torn');
  await appendFile(logOf('torn', 'rte'), '{"rows":[1,2],"logits":[[0.5,');
  // A model that would take longer than the test shows in the time; the events tell the same by their number.
  const { stderr, code } = await runUntil(command('torn', '--resume'), place);
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  expect(await filesOf('torn')).toEqual(whole.files);
  expect(done).toBeLessThanOrEqual(40);
}, 60_000);

test('logits of the log are used as they are, so that nothing was computed again', async () => {
  await stopped('changed');
  const log = await readFile(logOf('changed', 'sst2'), 'utf8');
  const [head, first, ...rest] = log.split('\n');
  const batch = JSON.parse(first!);
  batch.values[0] = [9, -9];
  await writeFile(logOf('changed', 'sst2'), [head, JSON.stringify(batch), ...rest].join('\n'));
  await runUntil(command('changed', '--resume'), place);
  const predictions = (await readFile(at('changed/predictions/sst2.ndjson'), 'utf8')).split('\n');
  expect(JSON.parse(predictions[batch.rows[0]]!).logits).toEqual([9, -9]);
}, 60_000);

test('without --resume a run starts anew; with other options it is refused', async () => {
  await stopped('other');
  const refused = await neuroprune([...command('other', '--resume --limit 30'), '--quiet'], place);
  expect(refused.stderr).toMatch(/^neuroprune: sst2\.ndjson: expected a scoring of the same model, data and options/);
  expect(refused.code).toBe(2);
  await writeFile(logOf('other', 'sst2'), 'nothing of use\n');
  expect((await runUntil(command('other'), place)).code).toBe(0);
  expect(await filesOf('other')).toEqual(whole.files);
  await rm(at('other'), { recursive: true });
}, 60_000);
