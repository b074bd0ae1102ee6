import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { float32, GraphBuilder, modelOf, writeModel } from '@neuroprune/onnx';
import { afterAll, describe, expect, it } from 'vitest';
import { children } from '../test/children.js';
import { endOf } from './process-end.js';
import { SessionWorker } from './session-worker.js';

const folder = await mkdtemp(path.join(os.tmpdir(), 'process-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

const model = path.join(folder, 'negation.onnx');
const builder = new GraphBuilder();
builder.output(builder.op.Neg(builder.input('x', 'float32', ['n'])), 'y');
await writeFile(model, writeModel(modelOf(builder.graph)));

/** A session that runs on the cpu, in the process where those of webgpu live: it is there on every machine. */
async function started(): Promise<SessionWorker> {
  const worker = new SessionWorker({ device: 'webgpu' });
  await worker.ask({ type: 'load', model, session: { device: 'cpu', threads: 1 } });
  return worker;
}

const run = (worker: SessionWorker, x: readonly number[]) =>
  worker.ask({ type: 'run', runs: [{ inputs: [['x', float32(x)]] }], staged: true, outputs: ['y'], carried: [] });

describe.skipIf(process.platform !== 'linux')('sessions in a process of their own', () => {
  it('answer as those of a thread do', async () => {
    const worker = await started();
    expect(children()).toHaveLength(1);
    expect((await run(worker, [1, -2]))[0]?.[1].data).toEqual(Float32Array.of(-1, 2));
    await worker.ask({
      type: 'hold',
      tensors: [
        ['a', float32([1])],
        ['b', float32([2, 3])],
      ],
    });
    const taken = await worker.ask({ type: 'take', names: ['b', 'a'] });
    expect(taken.map(([name, { data }]) => [name, [...(data as Float32Array)]])).toEqual([
      ['b', [2, 3]],
      ['a', [1]],
    ]);
    await expect(worker.ask({ type: 'take', names: ['b'] })).rejects.toThrow("internal: 'b' is not there");
    await worker.close();
  });

  it.each(['SIGABRT', 'SIGSEGV', 'SIGKILL'] as const)(
    'end with %s as an error that says so; the next have another',
    async (signal) => {
      const lost = await started();
      const [pid] = children();
      const waiting = lost.ask({ type: 'take', names: ['nothing'] }).catch(() => run(lost, [1]));
      process.kill(pid as number, signal);
      await expect(waiting).rejects.toMatchObject({
        name: 'RuntimeError',
        kind: 'job',
        message: expect.stringMatching(
          new RegExp(
            `^runtime: the process of sessions on webgpu ended with signal ${signal} .*--resume.*--device cpu$`,
          ),
        ),
      });
      await expect(run(lost, [1])).rejects.toThrow(signal);
      await lost.close();
      const next = await started();
      expect(children()).not.toContain(pid);
      expect((await run(next, [3]))[0]?.[1].data).toEqual(Float32Array.of(-3));
      await next.close();
    },
  );

  it('outlive the signals that a terminal sends to all', async () => {
    const worker = await started();
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(children()[0] as number, signal);
    await sleep(50);
    expect((await run(worker, [4]))[0]?.[1].data).toEqual(Float32Array.of(-4));
    await worker.close();
  });

  it.each([
    [true, '0'],
    [undefined, undefined],
  ])('multiply in float32 where that is asked, %s, by their environment', async (exact, override) => {
    const before = new Set(children());
    const worker = new SessionWorker({ device: 'cuda', ...(exact && { exact }) });
    await worker.ask({ type: 'load', model, session: { device: 'cpu', threads: 1 } });
    const [pid] = children().filter((child) => !before.has(child));
    const environment = (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0');
    const found = environment.find((variable) => variable.startsWith('NVIDIA_TF32_OVERRIDE='))?.split('=')[1];
    expect(found).toBe(override ?? process.env.NVIDIA_TF32_OVERRIDE);
    await worker.close();
  });

  it('keep no program waiting, and go with it', async () => {
    const worker = new URL('../dist/session-worker.js', import.meta.url).href;
    const script = path.join(folder, 'program.mjs');
    await writeFile(
      script,
      `import { readFileSync, readdirSync } from 'node:fs';
       import { SessionWorker } from ${JSON.stringify(worker)};
       const worker = new SessionWorker({ device: 'cuda' });
       await worker.ask({ type: 'load', model: ${JSON.stringify(model)}, session: { device: 'cpu', threads: 1 } });
       const of = (task) => readFileSync(\`/proc/self/task/\${task}/children\`, 'utf8').trim();
       console.log(readdirSync('/proc/self/task').map(of).join('').trim());`,
    );
    const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout: 20_000 });
    const pid = Number(stdout);
    expect(pid).toBeGreaterThan(1);
    for (let i = 0; i < 100 && isThere(pid); i++) await sleep(20);
    expect(isThere(pid)).toBe(false);
  });
});

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

it.each([
  [
    { code: null, signal: 'SIGABRT', said: "first\nterminate called after throwing an instance of 'char const*'\n" },
    "the process of sessions on cuda ended with signal SIGABRT (terminate called after throwing an instance of 'char const*')",
  ],
  [{ code: null, signal: 'SIGSEGV', said: '' }, 'with signal SIGSEGV (the driver or ONNX Runtime crashed)'],
  [{ code: 1, signal: null, said: '' }, 'ended with exit code 1, and what it held is lost; go on from the last'],
] as const)('the end %j in words', (end, words) => {
  expect(endOf('cuda', end)).toContain(words);
});
