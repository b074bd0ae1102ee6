import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { withRunLock } from './run-lock.js';

async function place(): Promise<{ parent: string; folder: string }> {
  const parent = await mkdtemp(path.join(os.tmpdir(), 'run-lock-'));
  onTestFinished(() => rm(parent, { recursive: true }));
  return { parent, folder: path.join(parent, 'a') };
}

/** Work that ends when it is told to. */
function held() {
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { end, ended };
}

test('a second one is refused with the process that works there, and taken after it', async () => {
  const { parent, folder } = await place();
  const { end, ended } = held();
  let begun = () => {};
  const begins = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const first = withRunLock(folder, () => {
    begun();
    return ended;
  });
  await begins;
  await expect(withRunLock(folder, async () => 2)).rejects.toMatchObject({
    kind: 'input',
    message: expect.stringContaining(`got one with process ${process.pid}; wait for it to end`),
  });
  expect(await withRunLock(`${folder}b`, async () => 'another folder')).toBe('another folder');
  end();
  await first;
  expect(await withRunLock(folder, async () => 3)).toBe(3);
  expect(await readdir(parent)).toEqual([]);
});

test('is given back where the work fails, and leaves no folder that it made', async () => {
  const { parent, folder } = await place();
  const inner = path.join(parent, 'runs', 'a');
  for (const at of [folder, inner])
    await expect(withRunLock(at, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await readdir(parent)).toEqual([]);
});

test('of many that come at once, never two go on, and one does', async () => {
  const { folder } = await place();
  let inside = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    inside--;
  };
  const ends = await Promise.allSettled(Array.from({ length: 4 }, () => withRunLock(folder, work)));
  expect(most).toBe(1);
  expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
}, 20_000);

/** A lock as another process leaves it. */
const lock = (parent: string, holder: object | string, name = 'other') =>
  writeFile(path.join(parent, `.a.lock.${name}`), typeof holder === 'string' ? holder : JSON.stringify(holder));

test('what a process left that was killed does not count, nor one whose number another has now', async () => {
  const { parent, folder } = await place();
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  await lock(parent, { pid: child.pid, host: os.hostname(), started: 'long ago' }, 'reused');
  expect(await withRunLock(folder, async () => 'taken over')).toBe('taken over');
  await lock(parent, { pid: child.pid, host: os.hostname(), started: '' }, 'killed');
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(await withRunLock(folder, async () => 'taken over')).toBe('taken over');
  expect(await readdir(parent)).toEqual([]);
});

test('a process on another machine counts, and the file to remove is named', async () => {
  const { parent, folder } = await place();
  await lock(parent, { pid: 1, host: 'far.away', started: '' });
  const message = new RegExp(`process 1 on far\\.away; if it is dead, remove ${path.join(parent, '.a.lock.other')}`);
  await expect(withRunLock(folder, async () => 1)).rejects.toThrow(message);
}, 20_000);
