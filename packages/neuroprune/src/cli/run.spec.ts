import { EventEmitter } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { NeuropruneError } from '../error.js';
import type { RunEvent } from '../events.js';
import { verbNames } from '../schema/verbs.js';
import { loaders, type VerbModule } from '../verbs.js';
import { version } from '../version.js';
import { runCommand } from './run.js';

afterEach(() => vi.restoreAllMocks());

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'run-'));
  await writeFile(path.join(folder, 'c.json'), '{"run": "runs/a"}');
  return () => rm(folder, { recursive: true });
});

/** Puts a module in the place of `report`, whose only option is a run folder. */
function stub(module: Partial<VerbModule<'report'>>): void {
  vi.spyOn(loaders, 'report').mockResolvedValue({ run: async () => undefined, ...module });
}

async function call(line: string, env: Record<string, string> = {}) {
  const out = { stdout: '', stderr: '', forced: 0 };
  const signals = new EventEmitter();
  const code = runCommand(line === '' ? [] : line.split(' '), {
    stdout: { write: (text) => (out.stdout += text) },
    stderr: { write: (text) => (out.stderr += text) },
    env,
    cwd: folder,
    signals,
    exit: (forced) => (out.forced = forced),
  });
  return { signals, result: code.then((code) => ({ code, ...out })) };
}

const finished = async (line: string, env?: Record<string, string>) => (await call(line, env)).result;

test.each(['', '--help', '-h', 'help'])('"%s" lists the verbs', async (line) => {
  const { code, stdout } = await finished(line);
  expect(code).toBe(0);
  for (const verb of verbNames) expect(stdout).toContain(`  ${verb} `);
});

test.each(verbNames)('%s --help has usage, every option and an example', async (verb) => {
  const { code, stdout } = await finished(`${verb} --help`);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^Usage: neuroprune [\s\S]*--json[\s\S]*^Examples:\n {2}neuroprune /m);
});

test('--version', async () => {
  expect(await finished('--version')).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
});

test('a result is printed by the formatter of its verb, or as one JSON document', async () => {
  stub({ run: async ({ run }) => ({ run }), format: ({ run }) => `report of ${run}` });
  expect(await finished('report runs/a')).toMatchObject({ code: 0, stdout: 'report of runs/a\n' });
  expect(await finished('report runs/a --json')).toMatchObject({ code: 0, stdout: '{"run":"runs/a"}\n' });
});

test('progress goes to stderr and not at all with --quiet; a result may come before the end', async () => {
  const run: VerbModule<'report'>['run'] = async (_, { onEvent }) => {
    onEvent({ type: 'stage', stage: 'draw' });
    onEvent({ type: 'result', result: [1] });
  };
  stub({ run });
  expect(await finished('report a --json')).toMatchObject({ stdout: '[1]\n', stderr: 'draw\n' });
  expect(await finished('report a --json --quiet')).toMatchObject({ stdout: '[1]\n', stderr: '' });
});

test('--events prints what a call of the API is told, a line an event, the result last', async () => {
  const events: RunEvent[] = [
    { type: 'stage', stage: 'draw', detail: 'hf_secret' },
    { type: 'checkpoint', step: 2, run: 'baseline' },
  ];
  stub({ run: async (_, { onEvent }) => events.forEach(onEvent) ?? [1], format: String });
  for (const line of ['report a --events', 'report a --events --json']) {
    const { stdout, stderr } = await finished(line);
    expect(
      stdout
        .trim()
        .split('\n')
        .map((text) => JSON.parse(text)),
    ).toEqual([
      { type: 'stage', stage: 'draw', detail: 'hf_…' },
      { type: 'checkpoint', step: 2, run: 'baseline' },
      { type: 'result', result: [1] },
    ]);
    expect(stderr).toBe('draw: hf_…\n');
  }
});

test('flags override the configuration, and a wrong value is named after where it stands', async () => {
  stub({ run: async ({ run }) => run, format: String });
  expect(await finished('report --config c.json')).toMatchObject({ code: 0, stdout: 'runs/a\n' });
  expect(await finished('report runs/b --config c.json')).toMatchObject({ stdout: 'runs/b\n' });
  await writeFile(path.join(folder, 'bad.json'), '{"run": 7}');
  expect(await finished('report --config bad.json')).toMatchObject({
    code: 2,
    stderr: 'neuroprune: run (bad.json): expected RUN-DIR, got 7\n',
  });
});

class HubError extends Error {
  readonly kind = 'job';
}

test.each([
  [new NeuropruneError('input', 'task: unknown'), 2, 'task: unknown'],
  [new HubError('hub: 403'), 1, 'hub: 403'],
  [new NeuropruneError('job', 'two\n  lines'), 1, 'two lines'],
  [Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' }), 1, 'ENOSPC: no space left'],
  [new TypeError('x is undefined'), 1, 'internal: x is undefined; set NEUROPRUNE_DEBUG=1 for the stack trace'],
  [new HubError('refused hf_abc123 and topsecret1'), 1, 'refused hf_… and hf_…'],
])('%s ends the run in one line', async (error, code, line) => {
  stub({ run: () => Promise.reject(error) });
  const expected = { code, stdout: '', stderr: `neuroprune: ${line}\n` };
  expect(await finished('report a', { HF_TOKEN: 'topsecret1' })).toMatchObject(expected);
});

test('stack traces are shown on demand, causes included', async () => {
  stub({ run: () => Promise.reject(new NeuropruneError('job', 'outer', { cause: new Error('inner') })) });
  const { stderr } = await finished('report a', { NEUROPRUNE_DEBUG: '1' });
  expect(stderr).toMatch(/outer\n +at [\s\S]*caused by: Error: inner\n +at /);
});

test('a job that fails with a result prints both', async () => {
  stub({ run: () => Promise.reject(new NeuropruneError('job', '1 tensor is out', { result: { rows: [] } })) });
  const expected = { code: 1, stdout: '{"rows":[]}\n', stderr: 'neuroprune: 1 tensor is out\n' };
  expect(await finished('report a --json')).toMatchObject(expected);
});

test.each(['SIGINT', 'SIGTERM'])('%s aborts the run, a second one ends it at once', async (name) => {
  let asked = () => {};
  const started = new Promise<void>((resolve) => {
    asked = resolve;
  });
  stub({
    run: (_, { signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => setTimeout(() => reject(signal.reason), 5));
        asked();
      }),
  });
  const { signals, result } = await call('report a');
  await started;
  signals.emit(name);
  signals.emit(name);
  expect(await result).toMatchObject({ code: 130, forced: 130, stderr: 'neuroprune: interrupted\n' });
  expect(signals.listenerCount(name)).toBe(0);
});

test.each<[what: string, line: string, command: string]>([
  ['the same command with --resume', 'report a', 'report a --resume'],
  ['quoted for a shell', "report a$b'c", "report 'a$b'\\''c' --resume"],
])('a run that can go on says how: %s', async (_, line, command) => {
  stub({
    run: async (_, { onEvent }) => {
      onEvent({ type: 'resumable', run: 'runs/a' });
      throw new NeuropruneError('job', 'disk: full');
    },
  });
  expect(await finished(line)).toMatchObject({
    code: 1,
    stderr: `neuroprune: disk: full\nneuroprune: what is done is kept in runs/a; go on with: neuroprune ${command}\n`,
  });
});

test('a verb that treats the signal as its end is done', async () => {
  stub({ run: (_, { signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve('closed'))) });
  const { signals, result } = await call('report a');
  await vi.waitFor(() => expect(loaders.report).toHaveBeenCalled());
  await new Promise(setImmediate);
  signals.emit('SIGTERM');
  expect(await result).toMatchObject({ code: 0, stdout: '"closed"\n' });
});
