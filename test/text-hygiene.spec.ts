import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { root } from './workspace.js';

/** What no tracked text may hold; each pattern is written so that it does not match itself. */
const forbidden: readonly (readonly [what: string, pattern: RegExp])[] = [
  [
    'a registry host',
    /\b(registry\.(npmjs|yarnpkg|npmmirror)|npm\.pkg\.github|files\.pythonhosted|pypi)\.(org|com)\b/i,
  ],
  ['a registry address', /https?:\/\/(registry|npm|pypi|artifactory|nexus)[.\w-]*[:/]/i],
  ['a home or machine folder', /(?<![\w.~})\]/-])\/(?:home|Users|root|work|workspace|mnt|tmp)\/[\w.-]+/],
  ['a drive of a machine', /\b[A-Z]:\\{1,2}(?:Users|Windows|Temp)\b/],
];

const isRepository = existsSync(path.join(root, '.git'));

/** Tracked files that hold text. */
function texts(): { file: string; text: string }[] {
  const list = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 });
  return list
    .split('\0')
    .filter((file) => file !== '' && existsSync(path.join(root, file)))
    .map((file) => ({ file, bytes: readFileSync(path.join(root, file)) }))
    .filter(({ bytes }) => !bytes.subarray(0, 8192).includes(0))
    .map(({ file, bytes }) => ({ file, text: bytes.toString('utf8') }));
}

test.skipIf(!isRepository)('no tracked text names a registry or a folder of a machine', () => {
  const found = texts().flatMap(({ file, text }) =>
    forbidden.flatMap(([what, pattern]) => {
      const match = pattern.exec(text);
      return match ? [`${file}:${text.slice(0, match.index).split('\n').length}: ${what}: ${match[0]}`] : [];
    }),
  );
  expect(found).toEqual([]);
});

test.each([
  ['see https://registry.' + 'npmjs.org/x', true],
  ['http://npm.' + 'internal:4873/', true],
  ['in /home/' + 'someone/x', true],
  ['"/tmp/' + 'file"', true],
  ['C:\\' + 'Users\\x', true],
  ['https://github.com/root/work', false],
  ['src/work/file.ts and ./home/page', false],
  ['the npm registry', false],
])('%s', (text, wrong) => {
  expect(forbidden.some(([, pattern]) => pattern.test(text))).toBe(wrong);
});
