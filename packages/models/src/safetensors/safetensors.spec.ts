import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type DType, dtypes, float32, type Tensor, viewOf } from '@neuroprune/onnx';
import { describe, expect, test } from 'vitest';
import { hasShared, modelFolder, temporaryFolder } from '../../test/shared.js';
import { dtypeOf, toFloat32 } from './dtype.js';
import { readSafetensors, readSafetensorsHeader } from './read.js';
import { encodeSafetensors, writeSafetensors } from './write.js';

const storable = Object.values(dtypeOf);

/** Bytes of a file with this header, whatever it says, and so many data bytes. */
function file(header: unknown, dataBytes = 0, claimed?: bigint): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, claimed ?? BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const f32 = (shape: readonly unknown[], begin: unknown, end: unknown) => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
});

describe('round trip', () => {
  const tensors = new Map<string, Tensor>(
    storable.map((dtype, i) => {
      const bytes = Uint8Array.from({ length: 6 * dtypes[dtype].bytes }, (_, j) =>
        dtype === 'bool' ? j & 1 : (i + 3 * j) & 0x7f,
      );
      return [`${dtype}.x`, { dtype, dims: [2, 3], data: viewOf(dtype, bytes.buffer) } as Tensor];
    }),
  );

  test('every element type, byte for byte, from bytes and from a file', async () => {
    const target = path.join(await temporaryFolder(), 'sub', 'model.safetensors');
    await writeSafetensors(target, tensors, { format: 'pt', a: 'b' });
    for (const read of [await readSafetensors(target), await readSafetensors(encodeSafetensors(tensors))]) {
      expect(Object.fromEntries(read)).toEqual(Object.fromEntries(tensors));
    }
    expect((await readSafetensorsHeader(target)).metadata).toEqual({ format: 'pt', a: 'b' });
    expect(await readdir(path.dirname(target))).toEqual(['model.safetensors']);
  });

  test('the order of insertion changes no byte, and the data starts at a multiple of 8', () => {
    const bytes = encodeSafetensors(tensors);
    expect(encodeSafetensors(new Map([...tensors].reverse()))).toEqual(bytes);
    expect(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true) % 8n).toBe(0n);
  });

  test('scalars, empty tensors and no tensors at all', async () => {
    const odd = new Map([
      ['s', float32([7], [])],
      ['e', float32([], [0, 4])],
    ]);
    expect(Object.fromEntries(await readSafetensors(encodeSafetensors(odd)))).toEqual(Object.fromEntries(odd));
    expect((await readSafetensors(encodeSafetensors(new Map()))).size).toBe(0);
  });

  test('only the tensors asked for', async () => {
    const read = await readSafetensors(encodeSafetensors(tensors), { only: (name) => name.startsWith('int8') });
    expect([...read.keys()]).toEqual(['int8.x']);
  });

  test('a failed write leaves nothing behind', async () => {
    const folder = await temporaryFolder();
    const bad = new Map<string, Tensor>([['x', { dtype: 'float32', dims: [3], data: new Float32Array(2) }]]);
    await expect(writeSafetensors(path.join(folder, 'm.safetensors'), bad)).rejects.toThrow('x: expected 12 bytes');
    const text = new Map<string, Tensor>([['x', { dtype: 'string', dims: [1], data: ['a'] }]]);
    await expect(writeSafetensors(path.join(folder, 'm.safetensors'), text)).rejects.toThrow('got string');
    expect(await readdir(folder)).toEqual([]);
  });

  test.skipIf(!hasShared)('the bytes of a file by the reference writer (skipped without ../shared)', async () => {
    const source = path.join(modelFolder('tiny-random/bert'), 'model.safetensors');
    expect(encodeSafetensors(await readSafetensors(source))).toEqual(new Uint8Array(await readFile(source)));
  });
});

describe('hostile files are refused', () => {
  const cases: [what: string, bytes: Uint8Array, message: string][] = [
    ['empty', new Uint8Array(0), 'expected a safetensors file, got 0 bytes'],
    ['7 bytes', new Uint8Array(7), 'expected a safetensors file, got 7 bytes'],
    ['header longer than the file', file({}, 0, 1000n), 'expected 1000 header bytes'],
    ['header length of 2^64 - 1', file({}, 0, 2n ** 64n - 1n), 'expected a header of at most 100000000 bytes'],
    ['no JSON', file('{"a": '), 'expected JSON in the header'],
    ['no UTF-8', Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0xff), 'expected JSON in the header'],
    ['a list', file([]), 'expected an object as the header, got a list'],
    ['null', file('null'), 'expected an object as the header, got null'],
    ['entry without a type', file({ x: { shape: [1], data_offsets: [0, 4] } }, 4), 'x: dtype'],
    ['unknown type', file({ x: { ...f32([1], 0, 4), dtype: 'F4' } }, 4), 'x: dtype'],
    ['negative dimension', file({ x: f32([-1], 0, 4) }, 4), 'x: shape.0'],
    ['fractional dimension', file({ x: f32([0.5], 0, 4) }, 4), 'x: shape.0'],
    ['rank 9', file({ x: f32([1, 1, 1, 1, 1, 1, 1, 1, 1], 0, 4) }, 4), 'x: shape'],
    ['size over 2^53', file({ x: f32([2 ** 40, 2 ** 40], 0, 4) }, 4), 'x: expected'],
    ['size that is not the range', file({ x: f32([2], 0, 4) }, 4), 'x: expected 8 bytes for F32 [2], got 4'],
    ['end before begin', file({ x: f32([1], 4, 0) }, 4), 'x: expected 4 bytes for F32 [1], got -4'],
    ['negative offset', file({ x: f32([1], -4, 0) }, 4), 'x: data_offsets.0'],
    ['past the end', file({ x: f32([2], 0, 8) }, 4), 'x: expected to end within 4 data bytes, got 8'],
    ['overlap', file({ x: f32([2], 0, 8), y: f32([1], 4, 8) }, 8), 'y: expected to begin at byte 8, got 4 (overlaps'],
    ['same range twice', file({ x: f32([1], 0, 4), y: f32([1], 0, 4) }, 4), 'expected to begin at byte 4, got 0'],
    [
      'gap',
      file({ x: f32([1], 0, 4), y: f32([1], 8, 12) }, 12),
      'y: expected to begin at byte 4, got 8 (leaves a gap)',
    ],
    ['bytes nobody owns', file({ x: f32([1], 0, 4) }, 8), 'expected 4 data bytes, got 8'],
    ['metadata that is no text', file({ __metadata__: { a: 1 } }), '__metadata__: a'],
    ['prototype as a name', file('{"__proto__": {"dtype": "F32"}}'), '__proto__: shape'],
  ];
  test.each(cases)('%s', async (_, bytes, message) => {
    await expect(readSafetensors(bytes)).rejects.toThrow(message);
    await expect(readSafetensors(bytes)).rejects.toMatchObject({ name: 'ModelsError', kind: 'input' });
  });

  test('a missing file and a folder', async () => {
    const folder = await temporaryFolder();
    await expect(readSafetensors(path.join(folder, 'none.safetensors'))).rejects.toThrow(
      'none.safetensors: expected a file to read, got ENOENT',
    );
    await expect(readSafetensors(folder)).rejects.toThrow();
  });
});

describe('shards', () => {
  async function sharded(index: unknown): Promise<string> {
    const folder = await temporaryFolder();
    await writeSafetensors(
      path.join(folder, 'a.safetensors'),
      new Map([
        ['x', float32([1])],
        ['extra', float32([9])],
      ]),
    );
    await writeSafetensors(path.join(folder, 'b.safetensors'), new Map([['y', float32([2])]]));
    const target = path.join(folder, 'model.safetensors.index.json');
    await writeFile(target, JSON.stringify(index));
    return target;
  }

  test('tensors come from the shard that the index names', async () => {
    const read = await readSafetensors(await sharded({ weight_map: { x: 'a.safetensors', y: 'b.safetensors' } }));
    expect(Object.fromEntries(read)).toEqual({ x: float32([1]), y: float32([2]) });
  });

  const many = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [i, `${i}.safetensors`]));
  test.each<[what: string, index: object, message: string]>([
    ['no map', {}, 'expected a weight_map'],
    ['a file that is no text', { weight_map: { x: 1 } }, 'expected a weight_map'],
    ['a path upwards', { weight_map: { x: '../a.safetensors' } }, "beside it, got '../a.safetensors'"],
    ['an absolute path', { weight_map: { x: '/etc/passwd' } }, "beside it, got '/etc/passwd'"],
    ['a tensor that is not there', { weight_map: { x: 'b.safetensors' } }, 'expected x in b.safetensors, got none'],
    ['a shard that is not there', { weight_map: { x: 'c.safetensors' } }, 'c.safetensors: expected a file to read'],
    ['too many shards', { weight_map: many }, 'at most 1000 shards'],
  ])('%s', async (_, index, message) => {
    await expect(readSafetensors(await sharded(index))).rejects.toThrow(message);
  });
});

describe('toFloat32', () => {
  test.each<[DType, number, number]>([
    ['float16', 0x3c00, 1],
    ['float16', 0xc000, -2],
    ['float16', 0x7bff, 65504],
    ['float16', 0x0001, 2 ** -24],
    ['float16', 0x8000, -0],
    ['float16', 0x7c00, Number.POSITIVE_INFINITY],
    ['float16', 0x7e00, Number.NaN],
    ['float16', 0x3555, 0.333251953125],
    ['bfloat16', 0x3f80, 1],
    ['bfloat16', 0xc049, -3.140625],
    ['bfloat16', 0xff80, Number.NEGATIVE_INFINITY],
  ])('%s bits %i are %d', (dtype, bits, value) => {
    expect(toFloat32({ dtype, dims: [1], data: Uint16Array.of(bits) }).data[0]).toBe(value);
  });

  test.each<['float8e4m3fn' | 'float8e5m2' | 'float8e8m0', number, number]>([
    ['float8e4m3fn', 0x38, 1],
    ['float8e4m3fn', 0xc4, -3],
    ['float8e4m3fn', 0x7e, 448],
    ['float8e4m3fn', 0x01, 2 ** -9],
    ['float8e4m3fn', 0x80, -0],
    ['float8e4m3fn', 0xff, Number.NaN],
    ['float8e5m2', 0x3c, 1],
    ['float8e5m2', 0xc2, -3],
    ['float8e5m2', 0x7b, 57_344],
    ['float8e5m2', 0x01, 2 ** -16],
    ['float8e5m2', 0xfc, Number.NEGATIVE_INFINITY],
    ['float8e5m2', 0x7d, Number.NaN],
    ['float8e8m0', 127, 1],
    ['float8e8m0', 130, 8],
    ['float8e8m0', 255, Number.NaN],
  ])('%s bits %i are %d', (dtype, bits, value) => {
    expect(toFloat32({ dtype, dims: [1], data: Uint8Array.of(bits) }).data[0]).toBe(value);
  });

  test('float64 is rounded, float32 stays the same array, integers are refused', () => {
    expect(toFloat32({ dtype: 'float64', dims: [1], data: Float64Array.of(0.1) }).data[0]).toBe(Math.fround(0.1));
    const t = float32([1]);
    expect(toFloat32(t).data).toBe(t.data);
    expect(() => toFloat32({ dtype: 'int8', dims: [1], data: Int8Array.of(1) })).toThrow('got int8');
  });
});
