import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RepoCache } from './cache.js';

const commit = 'a'.repeat(40);
const file = { path: 'sub/config.json', size: 2, hash: 'b'.repeat(40) };
let root: string;
let cache: RepoCache;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'neuroprune-cache-'));
  cache = new RepoCache(root, { type: 'model', name: 'org/name' });
  await mkdir(dirname(cache.blob(file)), { recursive: true });
  await writeFile(cache.blob(file), '{}');
});
afterEach(() => rm(root, { recursive: true, force: true }));

test('a file that others link again at the same time is never missing', async () => {
  await cache.link(commit, file);
  const path = join(cache.snapshot(commit), file.path);
  let linking = true;
  const linked = Promise.all(Array.from({ length: 200 }, () => cache.link(commit, file))).finally(() => {
    linking = false;
  });
  const found: string[] = [];
  while (linking) found.push(await readFile(path, 'utf8'));
  await linked;
  expect(found.length).toBeGreaterThan(0);
  expect(new Set(found)).toEqual(new Set(['{}']));
  expect(await readdir(dirname(path))).toEqual(['config.json']);
});
