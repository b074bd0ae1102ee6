import { expect, test } from 'vitest';
import { sealCommit } from './commit.js';
import { gitOid } from './objects.js';
import { foldersOf } from './tree.js';

// Expected values: git ls-tree -r -t of the same files.
test('folders have the hashes git gives them', () => {
  const texts = { 'a.txt': 'two', 'a/b/x.txt': 'one', 'a/z': 'three' };
  const files = Object.entries(texts).map(([path, text]) => ({
    path,
    oid: gitOid(Buffer.from(text)),
    size: text.length,
  }));
  const commit = sealCommit({ parent: null, title: '', message: '', author: '', date: '', files });
  expect(foldersOf(commit)).toEqual([
    { path: '', oid: 'c65bf7e872f72ceb8fd84ba572388e554f295cff' },
    { path: 'a', oid: 'cd64d2f471143f92ff477013b1195388ec69a397' },
    { path: 'a/b', oid: '94d8f15758b5b887ef719ef681bd7858c82ce7cb' },
  ]);
  expect(commit.files[0]?.oid).toBe('64c5e5885a4b06010b3a0c20edb7900dd0311025');
});
