import { describe, expect, it } from 'vitest';
import { type DType, OnnxError, type Tensor } from '../index.js';
import { pack, unpack } from './packed.js';
import { decodeText, encodeText } from './text.js';

describe('text in fields of bytes', () => {
  it.each<[string, readonly number[], string]>([
    ['nothing', [], ''],
    ['ASCII', [0x61, 0, 0x7f], 'a\0\x7f'],
    ['a byte order mark', [0xef, 0xbb, 0xbf, 0x61], '\ufeffa'],
    ['two, three and four bytes', [0xc3, 0xbc, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80], 'ü€😀'],
    ['bytes that begin nothing', [0x80, 0xff, 0xc1], '\udc80\udcff\udcc1'],
    ['a sequence cut short', [0x61, 0xe2, 0x82], 'a\udce2\udc82'],
    ['a long form', [0xe0, 0x80, 0xaf], '\udce0\udc80\udcaf'],
    ['a surrogate', [0xed, 0xb2, 0x80], '\udced\udcb2\udc80'],
    ['a code point beyond the last', [0xf4, 0x90, 0x80, 0x80], '\udcf4\udc90\udc80\udc80'],
    ['valid between invalid', [0xff, 0xf0, 0x9f, 0x98, 0x80, 0xfe], '\udcff😀\udcfe'],
  ])('%s comes back', (_, bytes, text) => {
    expect(decodeText(Uint8Array.from(bytes))).toBe(text);
    expect([...encodeText(text)]).toEqual(bytes);
  });

  it('takes a long blob in bounded time', () => {
    const blob = Uint8Array.from({ length: 2 ** 21 }, (_, i) => (i * 2654435761) >>> 24);
    const start = performance.now();
    expect(Buffer.compare(encodeText(decodeText(blob)), blob)).toBe(0);
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  it.each(['\ud800', 'a\udc00', '\udbff'])('refuses the surrogate in %j, which is no byte', (text) => {
    expect(() => encodeText(text)).toThrow(OnnxError);
  });
});

describe('packed elements', () => {
  it.each<[DType, readonly number[], readonly number[]]>([
    // Layouts of onnx.proto, `raw_data`: the first element in the lowest bits.
    ['uint4', [1, 15, 2], [0xf1, 0x02]],
    ['int4', [-8, 7, -1], [0x78, 0x0f]],
    ['float4e2m1', [9, 0], [0x09]],
    ['uint2', [0, 1, 2, 3, 1], [0b11100100, 0b01]],
    ['int2', [-2, -1, 0, 1], [0b01001110]],
    ['float6e2m3', [63, 0, 33, 1], [0b00111111, 0b00010000, 0b00000110]],
    ['float6e3m2', [42], [42]],
    ['uint4', [], []],
  ])('%s %j', (dtype, elements, bytes) => {
    const unpacked = unpack(dtype, Uint8Array.from(bytes), elements.length);
    expect([...unpacked]).toEqual(elements);
    expect([...pack({ dtype, dims: [elements.length], data: unpacked } as Tensor)]).toEqual(bytes);
  });
});
