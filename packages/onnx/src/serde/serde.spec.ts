import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { everything, randomModel } from '../../test/models.js';
import { run } from '../../test/run.js';
import {
  float32,
  GraphBuilder,
  inferModel,
  type Model,
  modelOf,
  Node,
  OnnxError,
  parse,
  print,
  readModel,
  saveModel,
  Value,
  writeModel,
} from '../index.js';
import { MessageWriter } from './message-writer.js';

const fixtures = path.resolve(import.meta.dirname, '../../fixtures');
const folder = mkdtempSync(path.join(tmpdir(), 'onnx-serde-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const full = (model: Model) => print(model, { weights: true });

/** x @ w with a weight of `size` columns. */
function linear(size: number): Model {
  const b = new GraphBuilder();
  const w = b.initializer(
    'w',
    float32(
      Float32Array.from({ length: 2 * size }, (_, i) => i),
      [2, size],
    ),
  );
  b.output(b.op.MatMul(b.input('x', 'float32', ['n', 2]), w), 'y');
  return modelOf(b.graph);
}
const x = { x: float32([1, 2], [1, 2]) };

describe('round trip', () => {
  it('keeps every element type and every type of attribute', async () => {
    const model = everything();
    const [node] = model.graph.nodes;
    const written = writeModel(model);
    expect(full(await readModel(written))).toBe(full(model));
    expect(node?.outputs.map((v) => v.name)).toEqual(['first', '', 'last']);
    expect(Buffer.compare(writeModel(await readModel(written)), written)).toBe(0);
  });

  it.each(Array.from({ length: 10 }, (_, seed) => seed))('random model %i: same text, loads and runs', async (seed) => {
    const model = inferModel(randomModel(seed));
    const read = await readModel(writeModel(model));
    expect(full(read)).toBe(full(model));
    const feeds = { a: float32([1, 2, 3], [1, 3]), b: float32([0.5, -1, 2], [1, 3]) };
    expect(await run(read, feeds)).toEqual(await run(model, feeds));
  });

  it('gives INT64_MAX back, which no number is', async () => {
    const model = parse('graph g { input %x: int64[] %y = Op(%x) {end: 9223372036854775807} output %y }');
    const bytes = writeModel(model);
    expect(Buffer.from(bytes).includes(Buffer.from('ffffffffffffffff7f', 'hex'))).toBe(true);
    expect(writeModel(await readModel(bytes))).toEqual(bytes);
  });

  it('drops results that may be left out and nobody reads', async () => {
    const text = (outputs: string, used: string) =>
      `graph g { input %x: float32[2] init %s = float32[2] {1, 1} ${outputs} = LayerNormalization(%x, %s) output %${used} }`;
    const names = async (source: string) =>
      (await readModel(writeModel(parse(source)))).graph.nodes[0]?.outputs.map((v) => v.name);
    expect(await names(text('%a, %b, %c', 'a'))).toEqual(['a']);
    expect(await names(text('%a, %b, %c', 'c'))).toEqual(['a', '', 'c']);
    expect(await names(text('%a, %b, %c', 'b'))).toEqual(['a', 'b']);
  });
});

describe('files of the reference implementation', () => {
  it('reads typed fields, old inputs and constants, and runs alike before and after', async () => {
    const file = path.join(fixtures, 'typed-fields.onnx');
    const model = await readModel(file);
    expect(model.graph.inputs.map((v) => v.name)).toEqual(['x']);
    const results = await run(model, { x: float32([3]) });
    const { y, ...casts } = results;
    expect(y).toEqual(float32([6]));
    expect(Object.keys(casts)).toHaveLength(12);
    for (const cast of Object.values(casts)) expect([...cast.data]).toEqual([0, 1, 1]);
  });

  it('reads every type of attribute', async () => {
    const model = await readModel(path.join(fixtures, 'attributes.onnx'));
    expect(print(model)).toBe(`onnx 8 "make.py"
opset "" 17
opset "test.domain" 1
meta "k" "v"
graph attributes {
  input %x: float32[a,2,?]
  init %strings = string[2] {"one", "zwölf"}
  %y: float32[], %"", %z: float32 = test.domain::Op(%x, _, %x) {f: 0.00001, floats: [0.5, inf, -0.0], g: graph sub {
    %inner: float32 = Neg(%x)
    output %inner
  }, i: -1099511627776, ints: [1, -2, 9223372036854775807], s: "tëxt", strings: ["a", "b"], t: int16[2,2] {1, 2, 3, 4} @t} @"n 1"
  output %y
  output %z
}
`);
  });

  it('reads functions, sparse tensors, other types, small elements, annotations and notes', async () => {
    const model = await readModel(path.join(fixtures, 'parts.onnx'));
    expect(print(await readModel(writeModel(model)))).toBe(print(model));
    expect(print(model)).toBe(`onnx 12 "make.py" !{doc: "doc"}
producer-version "1"
domain "org.x"
version 3
opset "" 24
opset "my" 1
graph parts !{doc: "all of it"} {
  input %x: float32[4]
  input %s: sequence(float32[n])
  init %int4 = int4[3] {-8, 7, -1}
  init %uint2 = uint2[3] {1, 2, 3}
  init %complex = complex64[1] {1, 2}
  init %thin = sparse [4] float32[2] {1, 2} @thin at int64[2] {0, 3} @at
  %y: float32[4] = my::f(%x) {alpha: 0.25} !{doc: "a call"}
  %z = my::Op(%s) {big: 9007199254740993, types: types[optional(sequence(float32[n]))]} !{metadata: ["k", "v"]}
  output %y
  quantization %x {SCALE_TENSOR: "gone"}
}
function my::f {
  opset "" 18
  attribute alpha
  attribute beta = 0.5
  input %a
  %b = LeakyRelu(%a) {alpha: reference float alpha}
  output %b
}
`);
  });

  it('reads external data by path, and by bytes with the place of the data', async () => {
    const file = path.join(fixtures, 'external.onnx');
    const feeds = {
      x: float32(new Float32Array(16).fill(1), [1, 16]),
      count: { dtype: 'int64', dims: [], data: BigInt64Array.of(2n) } as const,
    };
    const expected = await run(file, feeds);
    const model = await readModel(file);
    expect(await run(model, feeds)).toEqual(expected);
    const bytes = readFileSync(file);
    expect(full(await readModel(bytes, { externalData: path.join(fixtures, 'external.bin') }))).toBe(full(model));
    await expect(readModel(bytes)).rejects.toThrow(/expected the file's path, got a model as bytes/);
  });
});

describe('external data', () => {
  it('is written beside the model, read back and loaded by the runtime', async () => {
    const model = linear(300);
    const file = path.join(folder, 'big.onnx');
    await saveModel(model, file, { externalData: 'big.bin' });
    expect(readFileSync(file).length).toBeLessThan(1000);
    expect(readFileSync(path.join(folder, 'big.bin')).length).toBe(2400);
    expect(full(await readModel(file))).toBe(full(model));
    expect(await run(file, x)).toEqual(await run(model, x));
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('of writeModel goes to the named file; small tensors stay inside', async () => {
    const data = path.join(folder, 'w.bin');
    const bytes = writeModel(linear(300), { externalData: data });
    expect(full(await readModel(bytes, { externalData: data }))).toBe(full(linear(300)));
    expect(full(await readModel(writeModel(linear(3), { externalData: data })))).toBe(full(linear(3)));
  });

  it.each([
    '../w.bin',
    'no.onnx',
    'none/w.bin',
    'away/w.bin',
    '/etc/passwd',
    'a/../../w.bin',
    'C:w.bin',
    'a\\..\\w.bin',
    '',
    '.',
    'a//b',
  ])('refuses to write to %j', async (externalData) => {
    rmSync(path.join(folder, 'away'), { force: true });
    symlinkSync('..', path.join(folder, 'away'));
    await expect(saveModel(linear(300), path.join(folder, 'no.onnx'), { externalData })).rejects.toThrow(OnnxError);
    expect(readdirSync(folder)).not.toContain('no.onnx');
  });

  /** A model whose weight lies at `location`. */
  async function hostile(name: string, location: string, extra: Record<string, string> = {}): Promise<string> {
    const file = path.join(folder, name, 'model.onnx');
    mkdirSync(path.dirname(file), { recursive: true });
    const entries = Object.entries({ location, ...extra });
    const bytes = new MessageWriter()
      .int(1, 9)
      .message(7, (g) =>
        g.message(5, (t) => {
          t.ints(1, [4]).int(2, 2).string(8, 'w').int(14, 1);
          for (const [key, value] of entries) t.message(13, (e) => e.string(1, key).string(2, value));
        }),
      )
      .finish();
    writeFileSync(file, bytes);
    return file;
  }

  it('reads what it should, so that the refusals below mean something', async () => {
    const file = await hostile('good', 'w.bin');
    writeFileSync(path.join(folder, 'good/w.bin'), 'abcd');
    expect([...((await readModel(file)).graph.initializers[0]?.tensor?.data ?? [])]).toEqual([97, 98, 99, 100]);
  });

  it.each<[string, string, RegExp, Record<string, string>?]>([
    ['a parent', '../secret', /inside the model's folder/],
    ['an absolute path', '/etc/hostname', /inside the model's folder/],
    ['a missing file', 'none.bin', /got none/],
    ['a symbolic link', 'link', /symbolic link/],
    ['a linked folder', 'out/secret', /link out of it/],
    ['a hard link', 'hard', /hard link/],
    ['a folder', 'folder', /regular file|EISDIR/],
    ['a range past the end', 'w.bin', /range inside its 4 bytes/, { offset: '2', length: '4' }],
    ['a negative offset', 'w.bin', /range inside its 4 bytes/, { offset: '-1', length: '4' }],
    ['a length that is no number', 'w.bin', /expected 4 bytes, got NaN/, { length: 'x' }],
    ['too few bytes', 'w.bin', /expected 4 bytes, got 3/, { length: '3' }],
  ])('refuses %s', async (_, location, message, extra = {}) => {
    const file = await hostile('bad', location, extra);
    const at = (name: string) => path.join(folder, 'bad', name);
    mkdirSync(path.join(folder, 'elsewhere'), { recursive: true });
    writeFileSync(path.join(folder, 'elsewhere/secret'), 'abcd');
    writeFileSync(path.join(folder, 'secret'), 'abcd');
    for (const name of ['w.bin', 'link', 'hard', 'out']) rmSync(at(name), { force: true });
    writeFileSync(at('w.bin'), 'abcd');
    symlinkSync('../secret', at('link'));
    linkSync(path.join(folder, 'secret'), at('hard'));
    symlinkSync('../elsewhere', at('out'));
    mkdirSync(at('folder'), { recursive: true });
    await expect(readModel(file)).rejects.toThrow(message);
    await expect(readModel(file)).rejects.toBeInstanceOf(OnnxError);
  });
});

describe('damaged and hostile bytes', () => {
  it('never get past OnnxError: every prefix and every flipped byte of a model', async () => {
    const bytes = writeModel(everything());
    let refused = 0;
    const attempt = async (damaged: Uint8Array) => {
      try {
        await readModel(damaged);
      } catch (error) {
        expect(error).toBeInstanceOf(OnnxError);
        expect((error as OnnxError).kind).toBe('input');
        refused++;
      }
    };
    for (let end = 0; end < bytes.length; end++) await attempt(bytes.subarray(0, end));
    expect(refused).toBeGreaterThan(bytes.length / 2);
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Uint8Array.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ 0xff;
      await attempt(damaged);
    }
    expect(refused).toBeGreaterThan(bytes.length);
  });

  it('are refused when graphs are nested too deep', async () => {
    const nested = (depth: number): Model => {
      const out = new Value('x');
      const graph = modelOf({
        name: 'g',
        inputs: [],
        outputs: [out],
        initializers: [],
        nodes: [new Node('A', [], [out])],
      });
      let inner = graph.graph;
      for (let i = 1; i < depth; i++) {
        const value = new Value(`x${i}`);
        const node = new Node('If', [], [value], { then_branch: { type: 'graph', value: inner } });
        inner = { name: `g${i}`, inputs: [], outputs: [value], initializers: [], nodes: [node] };
      }
      return modelOf(inner);
    };
    await expect(readModel(writeModel(nested(32)))).resolves.toBeDefined();
    await expect(readModel(writeModel(nested(33)))).rejects.toThrow(/at most 32 levels/);
  });

  it.each<[string, (g: MessageWriter) => unknown, RegExp]>([
    ['an unknown element type', (g) => g.message(5, (t) => t.int(2, 29)), /known element type, got code 29/],
    ['a size that is none', (g) => g.message(5, (t) => t.ints(1, [-1]).int(2, 1)), /sensible dimensions/],
    ['an enormous size', (g) => g.message(5, (t) => t.ints(1, [2 ** 40, 2 ** 40]).int(2, 1)), /sensible dimensions/],
    [
      'missing elements',
      (g) => g.message(5, (t) => t.ints(1, [2 ** 40]).int(2, 1)),
      /expected 1099511627776 elements, got 0/,
    ],
    ['a sparse initializer without values', (g) => g.message(15, () => {}), /sparse tensor: expected values, got none/],
    [
      'a value nobody makes',
      (g) => g.message(1, (n) => n.string(1, 'x').string(4, 'Neg')),
      /expected 'x' to be defined/,
    ],
    ['a name twice', (g) => ['a', 'a'].map((a) => g.message(11, (v) => v.string(1, a))), /each name once/],
    [
      'an attribute of no type',
      (g) => g.message(1, (n) => n.string(4, 'Op').message(5, (a) => a.int(20, 15))),
      /known type, got code 15/,
    ],
  ])('are refused with a reason: %s', async (_, fill, message) => {
    const bytes = new MessageWriter().message(7, (g) => void fill(g)).finish();
    await expect(readModel(bytes)).rejects.toThrow(message);
  });

  it.each<[string, Uint8Array | string, RegExp]>([
    ['no graph', new Uint8Array(0), /expected a graph, got none/],
    ['text', Buffer.from('<html>not found</html>'), /onnx: /],
    ['a missing file', path.join(fixtures, 'none.onnx'), /expected a readable file, got none/],
  ])('are refused with a reason: %s', async (_, source, message) => {
    await expect(readModel(source)).rejects.toThrow(message);
  });
});

describe('writing', () => {
  it('refuses a value that is not in the graph', () => {
    const model = parse('graph g { input %x: float32[] %y = Neg(%x) output %y }');
    model.graph.nodes[0]?.inputs.splice(0, 1, new Value('x'));
    expect(() => writeModel(model)).toThrow(
      /value 'x': expected in the graph or around it, got a use by Neg\(y\) only/,
    );
  });

  it('leaves nothing behind when the file cannot be written', async () => {
    const file = path.join(folder, 'taken');
    mkdirSync(file, { recursive: true });
    await expect(saveModel(linear(3), file)).rejects.toMatchObject({ kind: 'job' });
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});
