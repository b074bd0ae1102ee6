import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { OnnxError, readModel } from '../index.js';
import { MAX_PARTS, MAX_TYPED_ELEMENTS } from './limits.js';
import { MessageWriter } from './message-writer.js';

const isFull = process.env.NEUROPRUNE_CHECK === 'full';
const folder = mkdtempSync(path.join(tmpdir(), 'onnx-hostile-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Fill = (w: MessageWriter) => unknown;
const inModel = (fill: Fill) =>
  new MessageWriter()
    .int(1, 10)
    .message(7, (g) => void fill(g))
    .finish();
const tensor =
  (fill: Fill): Fill =>
  (g) =>
    g.message(5, (t) => void fill(t.int(2, 1).string(8, 'w')));
const function_ =
  (fill: Fill): Fill =>
  (m) =>
    m.message(25, (f) => void fill(f));

/** A length-delimited field of these bytes, however many. */
function field(no: number, content: Uint8Array): Uint8Array {
  return new MessageWriter().bytes(no, content).finish();
}

/** A graph in a node in a graph …, as bytes: the writer of the library would not make it. */
function nested(depth: number): Uint8Array {
  let graph = new Uint8Array(0);
  for (let i = 1; i < depth; i++) {
    const attribute = Buffer.concat([field(1, Buffer.from('g')), field(6, graph), Uint8Array.of(0xa0, 1, 5)]);
    graph = new Uint8Array(field(1, Buffer.concat([field(4, Buffer.from('If')), field(5, attribute)])));
  }
  return field(7, graph);
}

/** A type of types of types. */
function nestedType(depth: number): Uint8Array {
  let type = new Uint8Array(0);
  for (let i = 1; i < depth; i++) type = new Uint8Array(field(4, field(1, type)));
  return field(7, field(11, Buffer.concat([field(1, Buffer.from('x')), field(2, type)])));
}

const repeated = (piece: Uint8Array, times: number): Uint8Array => Buffer.alloc(piece.length * times, piece);

describe('contradictions are refused with a reason', () => {
  it.each<[string, Fill, RegExp]>([
    [
      'a cycle of two',
      cycle([
        ['a', 'b'],
        ['b', 'a'],
      ]),
      /graph 'g': expected no cycle, got one at Neg/,
    ],
    ['a cycle of itself', cycle([['a', 'a']]), /no cycle/],
    ['an input twice', (g) => ['x', 'x'].map((x) => g.message(11, (i) => i.string(1, x))), /each name once, got 'x'/],
    [
      'an initializer twice',
      (g) => [0, 1].map(() => tensor((t) => t.ints(1, [0]))(g)),
      /each name once, got 'w' again/,
    ],
    ['a result twice', (g) => [0, 1].map(() => g.message(1, (n) => n.string(2, 'y').string(4, 'Op'))), /once, got 'y'/],
    [
      'an initializer without a name',
      (g) => g.message(5, (t) => t.ints(1, [0]).int(2, 1)),
      /expected a name, got none/,
    ],
    [
      'an attribute twice',
      (g) =>
        g.message(1, (n) =>
          [0, 1].map(() => n.string(4, 'Op').message(5, (a) => a.string(1, 'a').int(20, 2).int(3, 1))),
        ),
      /each name once, got 'a'/,
    ],
    [
      'metadata twice',
      (g) => [0, 1].map(() => g.message(16, (e) => e.string(1, 'k'))),
      /metadata: expected each name once/,
    ],
    [
      'a quantization role twice',
      (g) => g.message(14, (q) => [0, 1].map(() => q.message(2, (e) => e.string(1, 'S')))),
      /each name once, got 'S'/,
    ],
    ['a segment', tensor((t) => t.ints(1, [0]).message(3, () => {})), /expected a whole tensor, got a segment/],
    ['a negative size', tensor((t) => t.ints(1, [2, -3])), /sensible dimensions, got \[2,-3\]/],
    ['a size beyond all numbers', tensor((t) => t.ints(1, [2 ** 62])), /sensible dimensions/],
    ['sizes whose product overflows', tensor((t) => t.ints(1, [2 ** 31, 2 ** 31])), /sensible dimensions/],
    ['an overflow behind a zero', tensor((t) => t.ints(1, [2 ** 31, 2 ** 31, 0])), /sensible dimensions/],
    ['more dimensions than any tensor', tensor((t) => t.ints(1, Array(65).fill(1))), /sensible dimensions/],
    [
      'more elements than bytes',
      tensor((t) => t.ints(1, [2 ** 40]).bytes(9, new Uint8Array(8))),
      /expected 4398046511104 bytes, got 8/,
    ],
    [
      'more elements than numbers',
      tensor((t) => t.ints(1, [2 ** 40]).floats(4, [1])),
      /expected 1099511627776 elements, got 1/,
    ],
    [
      'packed elements of another number',
      (g) => g.message(5, (t) => t.string(8, 'w').ints(1, [5]).int(2, 22).ints(5, [1, 2])),
      /expected 5 elements, got 2/,
    ],
    [
      'raw strings',
      (g) => g.message(5, (t) => t.string(8, 'w').ints(1, [1]).int(2, 8).bytes(9, Uint8Array.of(1))),
      /strings as string_data/,
    ],
    [
      'a dimension beyond all numbers',
      (g) =>
        g.message(11, (i) =>
          i
            .string(1, 'x')
            .message(2, (t) => t.message(1, (a) => a.message(2, (s) => s.message(1, (d) => d.int(1, 2 ** 60))))),
        ),
      /sensible dimension/,
    ],
    [
      'a type of an unknown element',
      (g) => g.message(11, (i) => i.string(1, 'x').message(2, (t) => t.message(1, (a) => a.int(1, 77)))),
      /known element type, got code 77/,
    ],
    ['sparse values of rank 2', sparse([1, 1], [1]), /expected values of rank 1/],
    ['sparse indices of another number', sparse([2], [3]), /expected int64 indices \[2\] or \[2,2\], got int64\[3\]/],
    ['sparse indices of another rank', sparse([2], [2, 3]), /got int64\[2,3\]/],
  ])('%s', async (_, fill, message) => {
    const bytes = inModel((g) => fill(g.string(2, 'g')));
    await expect(readModel(bytes)).rejects.toThrow(message);
    await expect(readModel(bytes)).rejects.toMatchObject({ name: 'OnnxError', kind: 'input' });
  });

  it.each<[string, Fill, RegExp]>([
    [
      'two versions of one operator set',
      (m) => [1, 2].map((v) => m.message(8, (o) => o.int(2, v))),
      /operator set '': expected one version, got 1 and 2/,
    ],
    [
      'both names of one operator set',
      (m) => ['', 'ai.onnx'].map((d, i) => m.message(8, (o) => o.string(1, d).int(2, i))),
      /got 0 and 1/,
    ],
    [
      'metadata twice',
      (m) => [0, 1].map(() => m.message(14, (e) => e.string(1, 'k'))),
      /metadata of the model: expected each name once/,
    ],
    [
      'a function twice',
      (m) => [0, 1].map(() => function_((f) => f.string(1, 'f').string(10, 'd'))(m)),
      /'d::f': expected each function once/,
    ],
    [
      'a function that calls itself',
      function_((f) =>
        f
          .string(1, 'f')
          .string(10, 'd')
          .message(7, (n) => n.string(4, 'f').string(7, 'd')),
      ),
      /expected no recursion/,
    ],
    ['a function of no name', function_((f) => f.string(10, 'd')), /function: expected a name/],
    [
      'an attribute of a function twice',
      function_((f) => f.string(1, 'f').string(6, 'a').string(6, 'a')),
      /function 'f': expected each name once, got 'a'/,
    ],
    [
      'a default that is also required',
      function_((f) =>
        f
          .string(1, 'f')
          .string(6, 'a')
          .message(11, (a) => a.string(1, 'a').int(20, 2)),
      ),
      /got 'a' again/,
    ],
    [
      'a function that uses the graph',
      (m) => function_((f) => f.string(1, 'f').string(5, 'x'))(m),
      /expected 'x' to be defined/,
    ],
  ])('%s', async (_, fill, message) => {
    const bytes = new MessageWriter().int(1, 10).message(7, (g) => g.message(11, (i) => i.string(1, 'x')));
    fill(bytes);
    await expect(readModel(bytes.finish())).rejects.toThrow(message);
  });

  function cycle(pairs: readonly (readonly [string, string])[]): Fill {
    return (g) => pairs.map(([a, b]) => g.message(1, (n) => n.string(1, a).string(2, b).string(4, 'Neg')));
  }

  function sparse(values: readonly number[], indices: readonly number[]): Fill {
    const count = (dims: readonly number[]) => dims.reduce((n, d) => n * d, 1);
    return (g) =>
      g.message(15, (s) =>
        s
          .message(1, (t) =>
            t
              .ints(1, values)
              .int(2, 1)
              .string(8, 'w')
              .floats(4, Array(count(values)).fill(1)),
          )
          .message(2, (t) =>
            t
              .ints(1, indices)
              .int(2, 7)
              .ints(7, Array(count(indices)).fill(0)),
          )
          .ints(3, [4, 4]),
      );
  }
});

/** A million of them take seconds before they are too many. */
const smallNodes: [string, () => Uint8Array, RegExp] = [
  'small nodes',
  () => field(7, repeated(Uint8Array.of(0x0a, 3, 0x22, 1, 0x41), MAX_PARTS / 2)),
  /at most 2097152 parts/,
];

describe('sizes are bounded', () => {
  it.each<[string, () => Uint8Array, RegExp]>([
    ['graphs in graphs', () => nested(10_000), /at most 32 levels/],
    ['types in types', () => nestedType(10_000), /at most 16 levels/],
    [
      'groups in groups',
      () => repeated(Uint8Array.of(0x3b), 100_000),
      /expected wire type 2, got 3; the file is damaged/,
    ],
    ...(isFull ? [smallNodes] : []),
    [
      'names of operands',
      () => field(7, field(1, repeated(Uint8Array.of(0x0a, 0), MAX_PARTS))),
      /at most 2097152 parts/,
    ],
    ['unknown fields', () => repeated(Uint8Array.of(0x98, 0x06, 0), MAX_PARTS), /at most 2097152 parts/],
    [
      'dimensions',
      () => field(7, field(5, field(1, repeated(Uint8Array.of(1), MAX_TYPED_ELEMENTS + 1)))),
      /at most 134217728 elements/,
    ],
    [
      'pieces of lists',
      () => field(7, field(5, repeated(Uint8Array.of(0x3a, 2, 1, 1), 2_000_000))),
      /known element type, got code 0/,
    ],
    ['functions that call one', () => functionsOf(20_000), /expected a graph, got none/],
  ])('%s', async (_, bytes, message) => {
    const content = bytes();
    const start = performance.now();
    await expect(readModel(content)).rejects.toThrow(message);
    expect(performance.now() - start).toBeLessThan(20_000);
  });

  function functionsOf(count: number): Uint8Array {
    const one = (name: string) =>
      field(25, Buffer.concat([field(1, Buffer.from(name)), field(7, field(4, Buffer.from('f0')))]));
    return Buffer.concat(Array.from({ length: count }, (_, i) => one(`f${i + 1}`)));
  }

  it('a file beyond what protobuf can hold, a device and a folder are not read', async () => {
    const huge = path.join(folder, 'huge.onnx');
    execFileSync('truncate', ['-s', '3G', huge]);
    await expect(readModel(huge)).rejects.toThrow(/more than 2147483647/);
    await expect(readModel('/dev/zero')).rejects.toThrow(/expected a readable file, got something else/);
    await expect(readModel(folder)).rejects.toThrow(OnnxError);
  });
});

/** A model file whose one weight lies at `location`; several entries of one key may stand in it. */
function modelAt(
  file: string,
  location: string,
  extra: readonly (readonly [string, string])[] = [],
  dtype = 2,
): string {
  mkdirSync(path.dirname(file), { recursive: true });
  const bytes = inModel((g) =>
    g.message(5, (t) => {
      t.ints(1, [4]).int(2, dtype).string(8, 'w').int(14, 1);
      for (const [key, value] of [['location', location], ...extra] as const) {
        t.message(13, (e) => e.string(1, key).string(2, value));
      }
    }),
  );
  writeFileSync(file, bytes);
  return file;
}

describe('external data stays in its folder', () => {
  it.each<[string, string, readonly (readonly [string, string])[], RegExp, number?]>([
    ['a pointer into memory', '*/_ORT_MEM_ADDR_/*', [['offset', '140000000000']], /got none|ENOENT/],
    ['two places', 'w.bin', [['location', '../w.bin']], /each name once, got 'location' again/],
    ['an offset in hexadecimal', 'w.bin', [['offset', '0x0']], /range inside its 4 bytes, got NaN/],
    ['an offset beyond all numbers', 'w.bin', [['offset', '99999999999999999999']], /range inside its 4 bytes/],
    ['a length beyond the tensor', 'w.bin', [['length', '1000000000000']], /expected 4 bytes, got 1000000000000/],
    ['the whole file twice over', 'w.bin', [['offset', '4']], /range inside its 4 bytes, got 4 \+ 4/],
    ['strings', 'w.bin', [], /expected strings as string_data, got external data/, 8],
    ['a name with a zero byte', 'w.bin\0.txt', [], /relative path inside/],
    ['no place', '', [], /relative path inside/],
  ])('%s', async (what, location, extra, message, dtype) => {
    const file = modelAt(path.join(folder, 'plain', `${what}.onnx`), location, extra, dtype);
    writeFileSync(path.join(folder, 'plain/w.bin'), 'abcd');
    await expect(readModel(file)).rejects.toThrow(message);
    await expect(readModel(file)).rejects.toBeInstanceOf(OnnxError);
  });

  it('as a named pipe it is refused without waiting for it', async () => {
    const file = modelAt(path.join(folder, 'pipe/model.onnx'), 'w.bin');
    execFileSync('mkfifo', [path.join(folder, 'pipe/w.bin')]);
    await expect(readModel(file)).rejects.toThrow(/a regular file/);
  });
});

describe('the cache of a Hub', () => {
  const cache = path.join(folder, 'models--a--b');
  const snapshot = path.join(cache, 'snapshots/0123');
  const blob = (name: string) => path.join(cache, 'blobs', name);
  const link = (name: string, target: string) => {
    mkdirSync(path.dirname(path.join(snapshot, name)), { recursive: true });
    rmSync(path.join(snapshot, name), { force: true, recursive: true });
    symlinkSync(target, path.join(snapshot, name));
  };
  mkdirSync(path.join(cache, 'blobs'), { recursive: true });
  mkdirSync(path.join(folder, 'models--c--d/blobs'), { recursive: true });
  writeFileSync(blob('data'), 'abcd');
  writeFileSync(path.join(cache, 'secret'), 'abcd');
  writeFileSync(path.join(folder, 'models--c--d/blobs/data'), 'abcd');
  modelAt(blob('model'), 'model.onnx_data');

  it.each(['model.onnx', 'onnx/model.onnx'])(
    '%s and its data may be links to blobs of their repository',
    async (name) => {
      const up = name.includes('/') ? '../../..' : '../..';
      link(name, `${up}/blobs/model`);
      link(`${name}_data`, `${up}/blobs/data`);
      const { graph } = await readModel(path.join(snapshot, name));
      expect([...(graph.initializers[0]?.tensor?.data ?? [])]).toEqual([97, 98, 99, 100]);
    },
  );

  it.each([
    ['a file of the repository that is no blob', '../../secret', /or a link of a Hub cache to its own blobs/],
    ['a blob of another repository', '../../../models--c--d/blobs/data', /symbolic link/],
    ['a file anywhere', '/etc/hostname', /symbolic link/],
    ['nothing', '../../blobs/none', /got none/],
    ['itself', 'model.onnx_data', /ELOOP/],
    ['a folder', '../../blobs', /symbolic link|regular file/],
  ])('but not %s', async (_, target, message) => {
    link('model.onnx', '../../blobs/model');
    link('model.onnx_data', target);
    await expect(readModel(path.join(snapshot, 'model.onnx'))).rejects.toThrow(message);
    await expect(readModel(path.join(snapshot, 'model.onnx'))).rejects.toBeInstanceOf(OnnxError);
  });

  it('but not through a folder of blobs that is a link itself, or a blob with a second name', async () => {
    link('model.onnx', '../../blobs/model');
    link('model.onnx_data', '../../blobs/hard');
    linkSync(path.join(cache, 'secret'), blob('hard'));
    await expect(readModel(path.join(snapshot, 'model.onnx'))).rejects.toThrow(/hard link/);
    const other = path.join(folder, 'models--e--f/snapshots/1');
    mkdirSync(other, { recursive: true });
    symlinkSync(path.join(folder, 'models--c--d/blobs'), path.join(folder, 'models--e--f/blobs'));
    symlinkSync('../../blobs/data', path.join(other, 'model.onnx_data'));
    modelAt(path.join(other, 'model.onnx'), 'model.onnx_data');
    await expect(readModel(path.join(other, 'model.onnx'))).rejects.toThrow(/symbolic link/);
  });
});
