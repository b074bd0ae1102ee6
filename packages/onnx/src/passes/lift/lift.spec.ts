import { describe, expect, it } from 'vitest';
import { run } from '../../../test/run.js';
import { cloneModel, float32, int64, lift, parse, type Tensor, writeModel } from '../../index.js';

const written = (opset: number, body: string) => parse(`onnx 7 "test"\nopset "" ${opset}\ngraph g {\n${body}\n}`);
const x = float32([3, -1, 2, 0.5, -2, 1, 0, 4, -3, 1.5, 2.5, -0.5], [2, 3, 2]);
const image = float32(
  Array.from({ length: 16 }, (_, i) => (i * 7) % 5),
  [1, 4, 2, 2],
);
const input = 'input %x: float32[2,3,2]';
const picture = 'input %x: float32[1,4,2,2]';

type Row = readonly [name: string, opset: number, body: string, feeds: Readonly<Record<string, Tensor>>];
const one = (name: string, opset: number, node: string, before = ''): Row => [
  name,
  opset,
  `${input}\n${before}\n%y = ${node}\noutput %y`,
  { x },
];
const reductions = ['L1', 'L2', 'LogSum', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'Sum', 'SumSquare'];

/** A node of an older set, which must not mean the same where it stands unchanged in set 23. */
const rows: readonly Row[] = [
  ...reductions.flatMap((r) => [
    one(
      `Reduce${r}`,
      11,
      `Reduce${r}(${r === 'LogSum' ? '%p' : '%x'}) {axes: [-1], keepdims: 0}`,
      r === 'LogSum' ? '%p = Abs(%x)' : '',
    ),
    one(`Reduce${r} over all`, 11, `Reduce${r}(${r === 'LogSum' ? '%p' : '%x'})`, r === 'LogSum' ? '%p = Abs(%x)' : ''),
  ]),
  one('ReduceMean', 17, 'ReduceMean(%x) {axes: [0, 2]}'),
  ...['Softmax', 'LogSoftmax', 'Hardmax'].flatMap((s) => [
    one(s, 11, `${s}(%x)`),
    one(`${s} over all`, 12, `${s}(%x) {axis: 0}`),
    one(`${s} of the last axis`, 12, `${s}(%x) {axis: -1}`),
  ]),
  one('Unsqueeze', 11, 'Unsqueeze(%x) {axes: [0, -1]}'),
  one('Squeeze', 12, 'Squeeze(%u) {axes: [1]}', '%u = Unsqueeze(%x) {axes: [1]}'),
  ['Split', 11, `${input}\n%a, %b = Split(%x) {axis: 1, split: [1, 2]}\noutput %a\noutput %b`, { x }],
  ['Split evenly', 12, `${input}\n%a, %b = Split(%x) {axis: 2}\noutput %a\noutput %b`, { x }],
  ['Split evenly', 17, `${input}\n%a, %b = Split(%x) {axis: 0}\noutput %a\noutput %b`, { x }],
  one('Dropout', 11, 'Dropout(%x) {ratio: 0.25}'),
  [
    'Resize',
    11,
    `${picture}\ninit %roi = float32[0] {}\ninit %scales = float32[0] {}\ninit %sizes = int64[4] {1, 4, 4, 4}\n%y = Resize(%x, %roi, %scales, %sizes) {mode: "linear"}\noutput %y`,
    { x: image },
  ],
  [
    'GridSample',
    16,
    `${picture}\ninput %g: float32[1,1,2,2]\n%y = GridSample(%x, %g)\noutput %y`,
    { x: image, g: float32([0.1, -0.3, 0.6, 0.2], [1, 1, 2, 2]) },
  ],
  [
    'GroupNormalization',
    18,
    `${picture}\ninit %s = float32[2] {1, 2}\ninit %b = float32[2] {0.5, -1}\n%y = GroupNormalization(%x, %s, %b) {num_groups: 2}\noutput %y`,
    { x: image },
  ],
  ['DFT', 17, `input %x: float32[1,4,1]\n%y = DFT(%x) {axis: 1}\noutput %y`, { x: float32([1, 2, 0, -1], [1, 4, 1]) }],
];

describe('lift', () => {
  it.each(rows)('%s of set %i gives the same in set 23', async (_, opset, body, feeds) => {
    const model = written(opset, body);
    const expected = await run(model, feeds);
    const lifted = lift(cloneModel(model));
    expect(lifted.modified).toBe(true);
    expect(lifted.model.opsets['']).toBe(23);
    expect(lifted.model.irVersion).toBe(11);
    const got = await run(writeModel(lifted.model), feeds);
    for (const [name, { dims, data }] of Object.entries(expected)) {
      expect(got[name]?.dims).toEqual(dims);
      Array.from(data as Float32Array, (v, i) => expect(got[name]?.data[i]).toBeCloseTo(v, 5));
    }
    expect(lift(lifted.model).modified).toBe(false);
  });

  it('goes into subgraphs', async () => {
    const branch = (name: string, axis: number) =>
      `graph ${name} {\n%${name}_y = ReduceSum(%x) {axes: [${axis}], keepdims: 0}\noutput %${name}_y\n}`;
    const model = written(
      11,
      `${input}\ninput %c: bool[]\n%y = If(%c) {then_branch: ${branch('t', 0)}, else_branch: ${branch('e', 2)}}\noutput %y`,
    );
    const feeds = { x, c: { dtype: 'bool', dims: [], data: Uint8Array.of(1) } as Tensor };
    const expected = await run(model, feeds);
    expect(await run(lift(cloneModel(model)).model, feeds)).toEqual(expected);
  });

  it.each([
    ['older sets', 10, `${input}\n%y = Relu(%x)\noutput %y`, "expected operator set 11 to 25, got 10 (Relu, node 'y')"],
    ['newer sets', 26, `${input}\n%y = Relu(%x)\noutput %y`, 'expected operator set 11 to 25, got 26'],
    [
      'what set 23 cannot say',
      11,
      `${picture}\ninit %n = float32[0] {}\ninit %s = float32[4] {1, 1, 2, 2}\n%y = Resize(%x, %n, %s) {coordinate_transformation_mode: "tf_half_pixel_for_nn"}\noutput %y`,
      "lift: Resize (node 'y', operator set 11)",
    ],
    ['types it lacks', 24, `${input}\n%y = Cast(%x) {to: 24}\noutput %y`, 'expected a type up to 23, got 24'],
  ])('refuses %s', (_, opset, body, message) => {
    expect(() => lift(written(opset, body))).toThrow(message);
  });

  /** Forms that ONNX Runtime refuses as they are: what they mean is written out. */
  it.each<readonly [name: string, body: string, expected: Readonly<Record<string, readonly number[]>>]>([
    [
      'Scatter',
      `${input}\ninit %i = int64[1,1,2] {1, 2}\ninit %u = float32[1,1,2] {9, 8}\n%y = Scatter(%x, %i, %u) {axis: 1}\noutput %y`,
      { y: [3, -1, 9, 0.5, -2, 8, 0, 4, -3, 1.5, 2.5, -0.5] },
    ],
    [
      'Clip of integers between floats, as torch writes it,',
      `${input}\ninit %low = float32[] {-2}\ninit %high = float32[] {1}\n%i = Cast(%x) {to: 7}\n%c = Clip(%i, %low, %high)\n%y = Cast(%c) {to: 1}\noutput %y`,
      { y: Array.from(x.data, (v) => Math.min(Math.max(Math.trunc(v), -2), 1)) },
    ],
    [
      'Upsample',
      `${input}\ninit %s = float32[3] {1, 1, 2}\n%y = Upsample(%x, %s)\noutput %y`,
      { y: Array.from(x.data, (v) => [v, v]).flat() as number[] },
    ],
    [
      'BatchNormalization in training',
      `${input}\ninit %s = float32[3] {1, 2, 3}\ninit %b = float32[3] {0, 1, 0}\ninit %m = float32[3] {0, 0, 0}\ninit %v = float32[3] {1, 1, 1}\n%y, %mean, %var = BatchNormalization(%x, %s, %b, %m, %v)\noutput %mean\noutput %var`,
      // 0.9·running + 0.1·(mean and variance of the batch in a channel)
      { mean: [0.15, 0.025, 0.025], var: [1.325, 1.28125, 1.18125] },
    ],
  ])('%s of set 11', async (_, body, expected) => {
    const got = await run(lift(written(11, body)).model, { x });
    for (const [name, values] of Object.entries(expected)) {
      expect(got[name]?.data).toHaveLength(values.length);
      for (const [i, v] of values.entries()) expect(got[name]?.data[i]).toBeCloseTo(v, 5);
    }
  });

  it('refuses the statistics of a batch that set 14 does not hand out', () => {
    const constants = ['s', 'b', 'm', 'v'].map((n) => `init %${n} = float32[3] {1, 1, 1}\n`).join('');
    const body = `${input}\n${constants}%y, %p, %q, %r = BatchNormalization(%x, %s, %b, %m, %v)\noutput %y\noutput %r`;
    expect(() => lift(written(11, body))).toThrow('expected no use of saved_mean and saved_var');
  });

  it('goes into functions, with attributes that the call gives', async () => {
    const called = 'function my::f {\nopset "" 12\nattribute axes\ninput %a';
    const model = parse(
      `onnx 8 "test"\nopset "" 12\nopset "my" 1\ngraph g {\n${input}\n%y = my::f(%x) {axes: [1]}\noutput %y\n}\n${called}\n%b = ReduceSum(%a) {axes: reference ints "axes", keepdims: 0}\n%c = Softmax(%b) {axis: 0}\n%d = Unsqueeze(%c) {axes: [0]}\noutput %d\n}`,
    );
    const expected = await run(cloneModel(model), { x });
    const lifted = lift(model);
    expect(lifted.model.functions?.[0]?.opsets['']).toBe(23);
    expect(lifted.model.functions?.[0]?.graph.initializers).toEqual([]);
    expect(await run(lifted.model, { x })).toEqual(expected);
    expect(lift(lifted.model).modified).toBe(false);
  });

  it('counts the valid keys of Attention', async () => {
    const names = ['q', 'k', 'v'].map((n) => `input %${n}: float32[2,1,3,2]\n`).join('');
    const body = `${names}input %n: int64[2]\n%y = Attention(%q, %k, %v, _, _, _, %n)\noutput %y`;
    const tensor = (k: number) =>
      float32(
        Array.from({ length: 12 }, (_, i) => Math.sin(i * k)),
        [2, 1, 3, 2],
      );
    const feeds = { q: tensor(1), k: tensor(2), v: tensor(3), n: int64([2, 3]) };
    const lifted = lift(written(24, body)).model;
    expect(lifted.graph.nodes.every((node) => node.inputs.length < 7)).toBe(true);
    const { y } = await run(lifted, feeds);
    const expected = (await run(written(24, body), feeds)).y as Tensor;
    Array.from(expected.data as Float32Array, (v, i) => expect(y?.data[i]).toBeCloseTo(v, 5));
  });

  it('refuses operands of types that set 23 lacks', () => {
    const body = 'input %x: int2[2]\n%y = Cast(%x) {to: 1}\noutput %y';
    expect(() => lift(written(25, body))).toThrow('expected operands of older element types, got x: int2');
  });

  // ONNX Runtime has no kernel of RoiAlign in sets 22 on.
  it('keeps what RoiAlign meant by default', () => {
    const body = `${picture}\ninput %r: float32[1,4]\ninput %i: int64[1]\n%y = RoiAlign(%x, %r, %i)\noutput %y`;
    const [node] = lift(written(11, body)).model.graph.nodes;
    expect(node?.attributes.coordinate_transformation_mode?.value).toBe('output_half_pixel');
  });

  it('writes the operators of set 24 in those of 23', async () => {
    const swish = lift(written(24, `${input}\n%y = Swish(%x) {alpha: 0.5}\noutput %y`)).model;
    const { y } = await run(swish, { x });
    const expected = Array.from(x.data, (v) => v / (1 + Math.exp(-0.5 * v)));
    for (const [i, v] of expected.entries()) expect(y?.data[i]).toBeCloseTo(v, 5);
    const body =
      'input %c: float32[2,4,1]\ninput %u: float32[2,2,1]\ninput %w: int64[2]\n%y = TensorScatter(%c, %u, %w) {mode: "circular"}\noutput %y';
    const feeds = { c: float32(new Float32Array(8), [2, 4, 1]), u: float32([1, 2, 3, 4], [2, 2, 1]), w: int64([1, 3]) };
    const scattered = await run(lift(written(24, body)).model, feeds);
    expect(Array.from(scattered.y?.data as Float32Array)).toEqual([0, 1, 2, 0, 4, 0, 0, 3]);
  });
});
