import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { removeDrafts } from './write-file.js';

test('what a killed process left half written goes, and nothing else', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'drafts-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(path.join(folder, 'predictions'));
  const kept = ['evaluation.md', 'notes.tmp', 'predictions/rte.ndjson', 'predictions/x.123.tmp'];
  const drafts = ['.evaluation.md.fac92c1b78cd.tmp', 'predictions/rte.ndjson.8c7de1140588.tmp'];
  for (const name of [...kept, ...drafts]) await writeFile(path.join(folder, name), name);
  await removeDrafts(folder);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const left = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => path.join(parentPath, name));
  expect(left.map((file) => path.relative(folder, file)).sort()).toEqual(kept);
});

test('a folder that is not there has none', async () => {
  await expect(removeDrafts(path.join(os.tmpdir(), 'no-such-folder'))).resolves.toBeUndefined();
});
