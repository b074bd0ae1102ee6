/**
 * Evaluations that write texts, killed and gone on with, leave the files of one that was not. In short two kills; with
 * NEUROPRUNE_CHECK=full twenty. NEUROPRUNE_SEED draws other moments.
 */
import { createHash } from 'node:crypto';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { neuroprune, root, temporary } from './command.js';
import { type Ended, type Place, runUntil, uniform } from './stops.js';

const seed = Number(process.env.NEUROPRUNE_SEED ?? 11);
const draw = uniform(seed);
const kills = process.env.NEUROPRUNE_CHECK === 'full' ? 20 : 2;
const texts = path.join(root, 'packages/neuroprune/fixtures/texts');

let folder = '';
let place: Place;
let whole: { readonly files: Readonly<Record<string, string>>; readonly seconds: number };
let remove = async (): Promise<void> => {};
const at = (name: string) => path.join(folder, name);

const command = (out: string, more = '') =>
  `evaluate model --task translation,multi30k --dataset data --batch-size 1 --num-beams 6 --max-new-tokens 24 --no-cache --threads 1 --resamples 200 --out ${out} ${more}`
    .trim()
    .split(' ');

beforeAll(async () => {
  ({ folder, remove } = await temporary());
  place = { cwd: folder, env: { HF_HOME: at('home') } };
  await cp(path.join(texts, 'translation'), at('data'), { recursive: true });
  const made = await runUntil(['convert', path.join(texts, 'translator'), '--out', 'model'], place);
  expect(made.code).toBe(0);
  const { code, seconds, stderr } = await runUntil(command('whole'), place);
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  whole = { files: await filesOf('whole'), seconds };
  expect(Object.keys(whole.files)).toHaveLength(5);
}, 60_000);

afterAll(() => remove());

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

const logOf = (out: string) => at(`${out}/.evaluate/model/translation.ndjson`);
const batchesIn = async (out: string): Promise<number> =>
  Math.max(0, (await readFile(logOf(out), 'utf8').catch(() => '')).split('\n').length - 2);

test(`killed at moments of the seed ${seed}, and going on until done: the same files`, async () => {
  console.log(`seed ${seed}: ${kills} kills`);
  for (let i = 0; i < kills; i++) {
    const out = `killed-${i}`;
    let ended: Ended;
    let tries = 0;
    do {
      const seconds = 0.4 + draw() * whole.seconds;
      ended = await runUntil(command(out, '--resume'), place, { signal: 'SIGKILL', seconds });
    } while (ended.code !== 0 && ++tries < 4);
    if (ended.code !== 0) ended = await runUntil(command(out, '--resume'), place);
    expect(ended.code).toBe(0);
    expect(await filesOf(out)).toEqual(whole.files);
  }
}, 180_000);

test('texts of the log are used as they are; other options are refused, and without --resume it starts anew', async () => {
  await runUntil(command('stopped'), place, { signal: 'SIGKILL', said: /evaluate multi30k validation/ });
  expect(await batchesIn('stopped')).toBe(48);
  const refused = await neuroprune([...command('stopped', '--resume --length-penalty 2'), '--quiet'], place);
  expect(refused.stderr).toMatch(/translation\.ndjson: expected a scoring of the same model, data and options/);
  expect(refused.code).toBe(2);
  const [head, first, ...rest] = (await readFile(logOf('stopped'), 'utf8')).split('\n');
  const batch = JSON.parse(first!);
  await writeFile(logOf('stopped'), [head, JSON.stringify({ ...batch, values: [[40, 41]] }), ...rest].join('\n'));
  expect((await runUntil(command('stopped', '--resume'), place)).code).toBe(0);
  const lines = (await readFile(at('stopped/predictions/translation.ndjson'), 'utf8')).split('\n');
  expect(JSON.parse(lines[batch.rows[0]]!).tokens).toEqual([40, 41]);
  expect((await runUntil(command('stopped'), place)).code).toBe(0);
  expect(await filesOf('stopped')).toEqual(whole.files);
  await rm(at('stopped'), { recursive: true });
}, 60_000);
