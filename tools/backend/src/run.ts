import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Finding } from './examine.js';

/** A test that takes longer than this counts as a crash. */
const MAX_MS = 60_000;

const start = (): ChildProcess =>
  fork(fileURLToPath(new URL('../dist/worker.js', import.meta.url)), [], {
    serialization: 'advanced',
    stdio: 'ignore',
  });

function one(worker: ChildProcess, id: string, run: boolean): Promise<Finding | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => worker.kill('SIGKILL'), MAX_MS);
    const done = (finding?: Finding) => {
      clearTimeout(timer);
      worker.off('message', done).off('exit', crashed);
      resolve(finding);
    };
    const crashed = () => done();
    worker.on('message', done).on('exit', crashed).send({ id, run });
  });
}

const crashed = (id: string): Finding => ({
  ...{ id, adapters: [], read: undefined, bytes: undefined, text: undefined, claims: undefined },
  ...{ original: 'crash', written: 'crash' },
});

/**
 * Examines tests one after the other in a process of their own: ONNX Runtime may end it on a model it does not bear.
 * Then what needs no run is examined alone.
 */
export async function examineAll(ids: readonly string[], options: { readonly run: boolean }): Promise<Finding[]> {
  const findings: Finding[] = [];
  let worker = start();
  for (const id of ids) {
    let finding = await one(worker, id, options.run);
    if (!finding) {
      worker = start();
      const rest = options.run ? await one(worker, id, false) : undefined;
      finding = rest ? { ...rest, original: 'crash', written: 'crash' } : crashed(id);
    }
    findings.push(finding);
  }
  worker.kill();
  return findings;
}
