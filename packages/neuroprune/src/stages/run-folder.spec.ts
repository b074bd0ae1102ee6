import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { EVENTS, EventLog } from './event-log.js';
import { inRunFolder, RECIPE } from './run-folder.js';

async function place(): Promise<{ parent: string; out: string }> {
  const parent = await mkdtemp(path.join(os.tmpdir(), 'run-folder-'));
  onTestFinished(() => rm(parent, { recursive: true }));
  return { parent, out: path.join(parent, 'runs', 'a') };
}

const write = (name: string) => async (draft: string) => writeFile(path.join(draft, name), name);

test('the folder appears when the work is done, in the place of an earlier run', async () => {
  const { parent, out } = await place();
  await inRunFolder(out, async (draft) => {
    await write(RECIPE)(draft);
    expect(await readdir(path.join(parent, 'runs'))).not.toContain('a');
  });
  await inRunFolder(out, write('second'));
  expect(await readdir(out)).toEqual(['second']);
  expect(await readdir(path.dirname(out))).toEqual(['a']);
});

test('work that fails leaves nothing, and an earlier run as it was', async () => {
  const { out } = await place();
  await inRunFolder(out, write(RECIPE));
  const failing = inRunFolder(out, async (draft) => {
    await write('half')(draft);
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect(await readdir(out)).toEqual([RECIPE]);
  expect(await readdir(path.dirname(out))).toEqual(['a']);
});

test.each([
  [
    'a folder with other files',
    async (out: string) => void (await mkdir(path.join(out, 'photos'), { recursive: true })),
  ],
  [
    'a file',
    async (out: string) => {
      await mkdir(path.dirname(out));
      await writeFile(out, 'text');
    },
  ],
])('%s is refused before the work', async (_, make) => {
  const { out } = await place();
  await make(out);
  const work = inRunFolder(out, () => Promise.reject(new Error('worked')));
  await expect(work).rejects.toMatchObject({ kind: 'input', message: expect.stringContaining('expected a') });
});

test('the log keeps what comes before there is a folder, and follows the folder', async () => {
  const { parent } = await place();
  const log = new EventLog();
  log.write({ type: 'stage', stage: 'fetch' });
  for (const name of ['draft', 'final']) {
    await mkdir(path.join(parent, name));
    log.open(path.join(parent, name));
    log.write({ type: 'stage', stage: name });
  }
  const lines = async (name: string) => (await readFile(path.join(parent, name, EVENTS), 'utf8')).split('\n');
  expect(await lines('draft')).toEqual(['{"type":"stage","stage":"fetch"}', '{"type":"stage","stage":"draft"}', '']);
  expect(await lines('final')).toEqual(['{"type":"stage","stage":"final"}', '']);
});
