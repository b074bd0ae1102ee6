import { deflateRawSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { digestOf, testFiles } from './data.js';
import { zipEntries } from './zip.js';

/** Numbers of 2 and 4 bytes, by their widths. */
function numbers(...pairs: readonly (readonly [width: 2 | 4, value: number])[]): Buffer {
  return Buffer.concat(
    pairs.map(([width, value]) => {
      const bytes = Buffer.alloc(width);
      bytes.writeUIntLE(value, 0, width);
      return bytes;
    }),
  );
}

/** An archive (APPNOTE.TXT 4.3) with the fields that are read; the others are zero. */
function archive(files: Readonly<Record<string, Buffer>>, method: 0 | 8, size?: number): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  for (const [name, content] of Object.entries(files)) {
    const packed = method === 8 ? deflateRawSync(content) : content;
    const at = Buffer.concat(local).length;
    local.push(numbers([4, 0x04034b50], [4, 0], [4, 0], [4, 0], [4, 0], [4, 0], [2, 0], [2, name.length], [2, 0]));
    local.push(Buffer.from(name), packed);
    central.push(numbers([4, 0x02014b50], [2, 0], [2, 0], [2, 0], [2, method], [4, 0], [4, 0], [4, packed.length]));
    central.push(numbers([4, size ?? content.length], [2, name.length], [2, 0], [2, 0], [4, 0], [4, 0], [4, at]));
    central.push(Buffer.from(name));
  }
  const [start, count] = [Buffer.concat(local).length, Object.keys(files).length];
  const end = numbers([4, 0x06054b50], [4, 0], [2, count], [2, count], [4, 0], [4, start], [2, 0]);
  return Buffer.concat([...local, ...central, end]);
}

const long = Buffer.from('abc'.repeat(1000));
const files = { 'a.txt': Buffer.from('first'), 'folder/b.bin': long };

test.each([0, 8] as const)('entries of an archive of method %d', (method) => {
  const entries = zipEntries(archive(files, method));
  expect(entries.map(({ name, read }) => [name, read().toString()])).toEqual([
    ['a.txt', 'first'],
    ['folder/b.bin', long.toString()],
  ]);
});

/** The first entry of the directory, without its mark. */
const damaged = archive(files, 8);
damaged[damaged.indexOf(numbers([4, 0x02014b50]))] = 0;

test.each([
  ['no archive', Buffer.alloc(100), /no end record/],
  ['a damaged directory', damaged, /damaged bytes/],
])('%s is refused', (_, bytes, message) => {
  expect(() => zipEntries(bytes).map(({ read }) => read())).toThrow(message);
});

test('an entry that unpacks to more than it says is refused', () => {
  expect(() => zipEntries(archive({ x: long }, 8, 10))[0]?.read()).toThrow(/larger than|length/i);
});

const at = 'onnx/backend/test/data/';

test('only the tests of the four kinds are taken from a wheel', () => {
  const names = [`${at}node/test_a/model.onnx`, `${at}real/test_b/data.json`, `${at}simple/`, 'onnx/__init__.py'];
  const wheel = archive(Object.fromEntries(names.map((name) => [name, Buffer.from(name)])), 8);
  expect([...testFiles(wheel).keys()]).toEqual(['node/test_a/model.onnx']);
});

test.each(['node/../../x', 'node/a//b', 'node/.hidden', 'node/a\\b', 'node/C:x'])('the name %s is refused', (name) => {
  expect(() => testFiles(archive({ [at + name]: long }, 0))).toThrow(/plain file names/);
});

test('the digest depends on names and contents, not on order', () => {
  const digest = (entries: readonly (readonly [string, string])[]) =>
    digestOf(new Map(entries.map(([name, text]) => [name, Buffer.from(text)])));
  const one = digest([
    ['a', '1'],
    ['b', '2'],
  ]);
  expect(
    digest([
      ['b', '2'],
      ['a', '1'],
    ]),
  ).toBe(one);
  expect(
    digest([
      ['a', '2'],
      ['b', '1'],
    ]),
  ).not.toBe(one);
  expect(
    digest([
      ['a', '1'],
      ['c', '2'],
    ]),
  ).not.toBe(one);
});
