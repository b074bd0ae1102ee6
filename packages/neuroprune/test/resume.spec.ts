/**
 * Runs that are stopped and go on end with the bits of the run that was not. In short four stops of one run; with
 * NEUROPRUNE_CHECK=full twenty runs with a stop each. NEUROPRUNE_SEED draws other moments.
 */
import { execFileSync } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type LocalHub, startLocalHub } from '@neuroprune/local-hub';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { fixtures, TOKEN, temporary } from './command.js';
import {
  type Ended,
  faultsOf,
  type Moment,
  type Place,
  runUntil,
  type Trace,
  traceOf,
  uniform,
  zerosIn,
} from './stops.js';

const full = process.env.NEUROPRUNE_CHECK === 'full';
const seed = Number(process.env.NEUROPRUNE_SEED ?? 7);
const draw = uniform(seed);
const STEPS = 96;
const EVERY = 8;
const model = 'neuroprune/bert-micro-uncased';
const recipe = `--task sst2 --max-steps ${STEPS} --batch-size 8 --lr 4e-4 --dropout 0.1 --threads 1`;
const command = (out: string, more = '') =>
  `prune ${model} ${recipe} --sparsity 0.6 --heads 11 --baseline dense --checkpoint-every ${EVERY} --out ${out} ${more}`
    .trim()
    .split(' ');

let folder = '';
let hub: LocalHub;
let place: Place;
let whole: { readonly trace: Trace; readonly seconds: number };
let remove = async (): Promise<void> => {};

const run = (args: readonly string[], moment?: Moment) => runUntil(args, place, moment);
const at = (name: string) => path.join(folder, name);

beforeAll(async () => {
  ({ folder, remove } = await temporary());
  hub = await startLocalHub({ root: at('hub'), token: TOKEN, seed: fixtures });
  place = { cwd: folder, env: { HF_ENDPOINT: hub.url, HF_TOKEN: TOKEN, HF_HOME: at('home') } };
  const { code, seconds, stderr } = await run(command('runs/whole'));
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  whole = { trace: await traceOf(at('runs/whole'), STEPS), seconds };
  expect(await zerosIn(at('runs/whole/model/model.safetensors'))).toBeGreaterThan(400_000);
}, 120_000);

afterAll(async () => {
  await hub.close();
  await remove();
});

type Drawn = Exclude<Moment, { said: RegExp }>;
const times = (count: number, make: () => Drawn): Drawn[] => Array.from({ length: count }, make);
const pick = <T>(values: readonly T[]): T => values[Math.floor(draw() * values.length)] as T;
const below = (count: number): number => 1 + Math.floor(draw() * count);

const anyTime = (): Drawn => ({
  signal: pick(['SIGKILL', 'SIGKILL', 'SIGTERM', 'SIGINT']),
  seconds: draw() * whole.seconds * (full ? 1 : 0.5), // in short, the first half: training
});
// Twelve checkpoints of the dense run, then twelve of the sparse one.
const inWrite = (): Drawn => ({
  signal: 'SIGKILL',
  point: pick(['checkpoint-write', 'checkpoint-write', 'checkpoint-rename']),
  hit: below((2 * STEPS) / EVERY),
});
const inPruning = (): Drawn => ({
  signal: 'SIGKILL',
  ...pick([
    { point: 'heads', hit: below(5) },
    { point: 'trim', hit: 1 },
  ]),
});

const say = (moment: Drawn): string =>
  `${moment.signal} ${'point' in moment ? `at ${moment.point} ${moment.hit}` : `after ${moment.seconds.toFixed(2)} s`}`;

/** A run stopped by an interrupt says so, and how to go on where there is something to go on from. */
function checkEnd({ code, signal, stderr }: Ended, moment: Moment, args: readonly string[]): void {
  if (code === 0) return; // it was quicker than the moment
  const killed = moment.signal === 'SIGKILL';
  expect({ code, signal }).toEqual(killed ? { code: null, signal: 'SIGKILL' } : { code: 130, signal: null });
  if (!killed) expect(stderr).toContain('neuroprune: interrupted\n');
  if (stderr.includes('go on with')) expect(stderr).toContain(`go on with: neuroprune ${args.join(' ')}`);
}

/** Goes on to the end, and compares with the run that was not stopped; returns what it said. */
async function goOn(out: string): Promise<string> {
  const { code, stderr } = await run(command(out, '--resume'));
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  expect(await traceOf(at(out), STEPS)).toEqual(whole.trace);
  expect(await faultsOf(at(out))).toEqual([]);
  return stderr;
}

const after = (said: string): number[] =>
  [...said.matchAll(/^going on after step (\d+) of 96$/gm)].map(([, n]) => Number(n));

test.runIf(!full)(
  'stopped four times, at moments from a seed: ends with the bits of the run that was not',
  async () => {
    const moments = [inWrite(), { signal: 'SIGKILL', point: 'heads', hit: 1 } as const, anyTime(), anyTime()];
    console.log(`seed ${seed}: ${moments.map(say).join(', ')}`);
    const said: string[] = [];
    for (const moment of moments) {
      const args = command('runs/chain', '--resume');
      const ended = await run(args, moment);
      checkEnd(ended, moment, args);
      said.push(ended.stderr);
    }
    expect(said[0]).toMatch(/^warning: --resume: expected a run in .*, found none; starting anew$/m);
    expect(after(said.join('') + (await goOn('runs/chain'))).length).toBeGreaterThan(0);
  },
  120_000,
);

test.runIf(full)(
  'stopped at twenty moments from a seed: each ends with the bits of the run that was not',
  async () => {
    const moments = [...times(12, anyTime), ...times(4, inWrite), ...times(4, inPruning)];
    const rows: string[] = [];
    for (const [i, drawn] of moments.entries()) {
      const out = `runs/stopped-${i}`;
      const args = command(out);
      const [moment, ended] = await stopAt(drawn, args, out);
      const stage = ended.stderr
        .match(/^(?:fetch|prepare|(?:train|evaluate) dense|train neuroprune|compact|prove|evaluate|latency|report)\b/gm)
        ?.at(-1);
      const from = after(await goOn(out)).join(', ');
      rows.push(
        `| ${say(moment)} | ${stage ?? 'start'} | ${ended.signal ?? `exit code ${ended.code}`} | ${from || '–'} | same bits |`,
      );
      await rm(at(out), { recursive: true });
    }
    console.log([`seed ${seed}, whole run ${whole.seconds.toFixed(1)} s`, ...rows].join('\n'));
    expect(rows.filter((row) => row.includes('SIGKILL |')).length).toBeGreaterThanOrEqual(8);
    expect(rows.filter((row) => !row.includes('–')).length).toBeGreaterThanOrEqual(8);
  },
  900_000,
);

/** Runs until a moment; one that comes too late is drawn again. */
async function stopAt(drawn: Drawn, args: readonly string[], out: string): Promise<[Drawn, Ended]> {
  const ended = await run(args, drawn);
  checkEnd(ended, drawn, [...args, '--resume']);
  if (ended.code !== 0) return [drawn, ended];
  await rm(at(out), { recursive: true });
  return stopAt(anyTime(), args, out);
}

/** A copy of the whole run as it was after step 88 of the sparse training. */
async function stoppedAt88(out: string): Promise<void> {
  const kept = (file: string) => !/checkpoints.96|run\.json$|whole.model/.test(file);
  await cp(at('runs/whole'), at(out), { recursive: true, filter: kept });
}

test('checkpoints come as often and stay as many as asked for', async () => {
  expect(await readdir(at('runs/whole/checkpoints'))).toEqual(['88', '96']);
});

test('a checkpoint with a flipped bit is left aside for the one before', async () => {
  await stoppedAt88('runs/flipped');
  await cp(at('runs/whole/checkpoints/96'), at('runs/flipped/checkpoints/96'), { recursive: true });
  const file = at('runs/flipped/checkpoints/96/state.safetensors');
  const bytes = await readFile(file);
  bytes[5_000_000]! ^= 1;
  await writeFile(file, bytes);
  const said = await goOn('runs/flipped');
  expect(said).toMatch(
    /^warning: checkpoint .*96: expected state\.safetensors as its SHA-256 says, got other bytes; /m,
  );
  expect(after(said)).toEqual([88]);
});

test.each([
  ['--lr 0.001', 'recipe.lr as in .*recipe.json, 0.0004, got 0.001'],
  ['--threads 2', 'recipe.threads as in .*, 1, got 2'],
  ['--sparsity 0.7', 'recipe.method.sparsity as in .*, 0.6, got 0.7'],
])('a run that goes on with %s is refused', async (option, message) => {
  const { code, stderr } = await run(command('runs/whole', `--resume ${option}`));
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: expect.stringMatching(new RegExp(`^neuroprune: --resume: expected ${message};`)),
  });
});

test('the threads of the run stand where none are asked for; a run that is done is given back', async () => {
  const args = command('runs/whole', '--resume --json').join(' ').replace(' --threads 1', '').split(' ');
  const before = await readFile(at('runs/whole/run.json'), 'utf8');
  const { code, stdout, stderr } = await run(args);
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toEqual({ ...JSON.parse(before), run: 'runs/whole' });
  expect(await readFile(at('runs/whole/run.json'), 'utf8')).toBe(before);
  expect(stderr).not.toMatch(/^train (dense|neuroprune)$/m);
});

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s: a checkpoint is written, and the command to go on is said',
  async (signal) => {
    const out = `runs/${signal}`;
    await stoppedAt88(out);
    await rm(at(`${out}/checkpoints/88`), { recursive: true });
    const args = command(out, '--resume --checkpoint-every 50');
    const moment: Moment = { signal, point: 'heads', hit: 2 };
    const { code, stderr } = await run(args, moment);
    expect(code).toBe(130);
    expect(stderr).toMatch(
      new RegExp(
        `^neuroprune: interrupted\nneuroprune: what is done is kept in ${out}; go on with: neuroprune ${args.join(' ')}$`,
        'm',
      ),
    );
    const [step, ...others] = await readdir(at(`${out}/checkpoints`));
    expect(others).toEqual([]);
    expect(Number(step)).toBeGreaterThan(0);
  },
);

/** A small file system that can grow; undefined where it may not be mounted. */
async function smallDisk(name: string, megabytes: number): Promise<{ grow: (megabytes: number) => void } | undefined> {
  await mkdir(at(name), { recursive: true });
  const mount = (options: string) =>
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', at(name)], { stdio: 'ignore' });
  try {
    mount(`size=${megabytes}m`);
  } catch {
    return undefined;
  }
  onTestFinished(() => void execFileSync('umount', [at(name)]));
  return { grow: (more) => mount(`remount,size=${more}m`) };
}

test('a full disk: a clear error, the last checkpoint as it was, and more room to go on', async ({ skip }) => {
  const disk = await smallDisk('small', 40);
  if (!disk) return skip('needs the right to mount a tmpfs');
  await stoppedAt88('small/run');
  const { code, stderr } = await run(command('small/run', '--resume'));
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^neuroprune: prune: checkpoint .*96: expected room for it, got a full disk \(ENOSPC\); earlier checkpoints are kept/m,
  );
  expect(stderr).toMatch(/go on with: neuroprune prune .* --resume$/m);
  expect(await readdir(at('small/run/checkpoints'))).toEqual(['88']);
  disk.grow(200);
  expect(after(await goOn('small/run'))).toEqual([88]);
});

test('a limit on the size of files is told like a full disk', async () => {
  await stoppedAt88('runs/limit');
  const limited = { ...place, shell: 'ulimit -f 16000' };
  const { code, stderr } = await runUntil(command('runs/limit', '--resume'), limited);
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringContaining('got a limit on the size of files (EFBIG)'),
  });
  expect(await readdir(at('runs/limit/checkpoints'))).toEqual(['88']);
});

test('stopped in the push: what was trained is pushed', async () => {
  await cp(at('runs/whole'), at('runs/pushed'), { recursive: true });
  const args = ['prune-and-publish', ...command('runs/pushed', '--to local/pushed --resume').slice(1)];
  const ended = await run(args, { signal: 'SIGKILL', said: /^publish$/m });
  expect(ended.signal).toBe('SIGKILL');
  for (const _ of ['the push', 'nothing, for all is done']) {
    const { code, stdout, stderr } = await run([...args, '--json']);
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    expect(stderr).not.toMatch(/^train (dense|neuroprune)$/m);
    expect(JSON.parse(stdout)).toMatchObject({ published: { repo: 'local/pushed' }, readBack: { examples: 64 } });
  }
  expect(await traceOf(at('runs/pushed'), STEPS)).toEqual(whole.trace);
});
