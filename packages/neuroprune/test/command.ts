import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';

/** Root of the repository. */
export const root = path.resolve(import.meta.dirname, '../../..');

/** Models and data sets in the repository, laid out as on the Hub. */
export const fixtures = path.join(root, 'fixtures/hub');

/** A write token of the user `local`, and one of `reader` that cannot write. */
export const TOKEN = 'hf_localtoken';
export const READ_TOKEN = 'hf_readertoken';

/** What a run of the command left behind. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Told of all that a command has said on stderr so far. */
export type Watch = (said: string, child: ChildProcess) => void;

/** Runs the built command in a process of its own, with an environment that knows of no other Hub. */
export async function neuroprune(
  args: readonly string[],
  {
    cwd,
    env = {},
    onStderr,
  }: { readonly cwd: string; readonly env?: Readonly<Record<string, string>>; readonly onStderr?: Watch },
): Promise<Finished> {
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('HF_')));
  const bin = path.join(root, 'packages/neuroprune/bin/neuroprune.js');
  const child = spawn(process.execPath, [bin, ...args], {
    cwd,
    env: { ...own, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (part) => {
    said += part;
    onStderr?.(said, child);
  });
  const code = new Promise<number | null>((resolve) => child.on('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, stdout, stderr };
}

/** A folder for the tests of one file; `remove` it after them. */
export async function temporary(): Promise<{ folder: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'neuroprune-test-'));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}
