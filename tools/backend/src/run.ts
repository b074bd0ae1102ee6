import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ExamineOptions, Finding } from './examine.js';

/** As many tests one after the other do not crash unless the process cannot start at all. */
const MAX_CRASHES = 10;

/** A test that takes longer than this counts as a crash. */
const MAX_MS = 60_000;

const start = (): ChildProcess =>
  fork(fileURLToPath(new URL('../dist/worker.js', import.meta.url)), [], {
    serialization: 'advanced',
    stdio: 'ignore',
  });

function one(worker: ChildProcess, id: string, options: ExamineOptions): Promise<Finding | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => worker.kill('SIGKILL'), MAX_MS);
    const done = (finding?: Finding) => {
      clearTimeout(timer);
      worker.off('message', done).off('exit', crashed);
      resolve(finding);
    };
    const crashed = () => done();
    worker.on('message', done).on('exit', crashed).send({ id, options });
  });
}

const crashed = (id: string): Finding => ({
  ...{ id, adapters: [], read: undefined, bytes: undefined, kept: undefined, text: undefined, claims: undefined },
  ...{ original: 'crash', written: 'crash', lifted: null, unsteady: false, inner: null },
});

/**
 * Examines tests one after the other in a process of their own: ONNX Runtime may end it on a model it does not bear.
 * Then what needs no run is examined alone.
 */
export async function examineAll(ids: readonly string[], options: ExamineOptions): Promise<Finding[]> {
  let worker = start();
  const attempt = async (id: string, how: ExamineOptions) => {
    const finding = await one(worker, id, how);
    if (!finding) worker = start();
    return finding;
  };
  const findings: Finding[] = [];
  let crashes = 0;
  for (const id of ids) {
    const finding = await attempt(id, options);
    const rest = finding ?? (options.run ? await attempt(id, { run: false }) : undefined);
    findings.push(finding ?? (rest ? { ...rest, original: 'crash', written: 'crash' } : crashed(id)));
    crashes = (finding ?? rest) ? 0 : crashes + 1;
    if (crashes === MAX_CRASHES) throw new Error(`internal: ${crashes} tests in a row ended the process (${id})`);
  }
  worker.kill();
  return findings;
}
