import { expect, it } from 'vitest';
import { run } from '../../test/run.js';
import { codeOf, type Dim, float32, GraphBuilder, int64, modelOf, sizeOf, type Tensor, type Value } from '../index.js';

const sizes: Readonly<Record<string, number>> = { n: 2, m: 3 };
const concrete = (dim: Dim): number | null =>
  typeof dim === 'string' ? dim.split('*').reduce((p, name) => p * (sizes[name] ?? Number(name)), 1) : dim;

interface Bench {
  readonly b: GraphBuilder;
  readonly op: GraphBuilder['op'];
  /** A float32 input of these dimensions. */
  readonly f: (...dims: Dim[]) => Value;
}

/** Dimensions beside the operators are what must be known of each result, with n = 2 and m = 3 in the run. */
const table: readonly (readonly [string, (bench: Bench) => Value | Value[], readonly (readonly Dim[])[]])[] = [
  [
    'Conv that keeps a named size',
    ({ op, f }) => op.Conv(f('n', 3, 'm', 4), f(8, 3, 3, 1), undefined, { pads: [1, 0, 1, 0] }),
    [['n', 8, 'm', 4]],
  ],
  [
    'Conv in groups, with strides',
    ({ op, f }) => op.Conv(f('n', 4, 7), f(6, 2, 3), f(6), { group: 2, strides: [2], auto_pad: 'SAME_UPPER' }),
    [['n', 6, 4]],
  ],
  [
    'Conv that strides over a named size',
    ({ op, f }) => op.Conv(f(1, 1, 'm'), f(1, 1, 1), { strides: [2] }),
    [[1, 1, null]],
  ],
  [
    'ConvTranspose that doubles a named size',
    ({ op, f }) => op.ConvTranspose(f('n', 4, 'm'), f(4, 3, 2), undefined, { strides: [2] }),
    [['n', 3, '2*m']],
  ],
  [
    'ConvTranspose in groups',
    ({ op, f }) => op.ConvTranspose(f('n', 4, 5), f(4, 3, 3), f(6), { group: 2, output_padding: [1], strides: [2] }),
    [['n', 6, 12]],
  ],
  [
    'MaxPool with a last window in the padding',
    ({ op, f }) => op.MaxPool(f('n', 2, 6), { kernel_shape: [2], strides: [3], ceil_mode: 1, pads: [0, 1] }),
    [
      ['n', 2, 2],
      ['n', 2, 2],
    ],
  ],
  ['GlobalAveragePool', ({ op, f }) => op.GlobalAveragePool(f('n', 3, 'm', 4)), [['n', 3, 1, 1]]],
  ['BatchNormalization', ({ op, f }) => op.BatchNormalization(f('n', 3, 4), f(3), f(3), f(3), f(3)), [['n', 3, 4]]],
  [
    'LSTM in both directions',
    ({ op, f }) => op.LSTM(f('m', 'n', 4), f(2, 20, 4), f(2, 20, 5), { hidden_size: 5, direction: 'bidirectional' }),
    [
      ['m', 2, 'n', 5],
      [2, 'n', 5],
      [2, 'n', 5],
    ],
  ],
  [
    'GRU that reads its size from the weights',
    ({ op, f }) => op.GRU(f('m', 'n', 4), f(1, 15, 4), f(1, 15, 5), { hidden_size: 5 }),
    [
      ['m', 1, 'n', 5],
      [1, 'n', 5],
    ],
  ],
  [
    'Resize by scales',
    ({ op, b, f }) => op.Resize(f('n', 1, 'm', 5), undefined, b.constant(float32([1, 1, 2, 0.5]))),
    [['n', 1, '2*m', 2]],
  ],
  [
    'Resize to sizes',
    ({ op, b, f }) => op.Resize(f('n', 1, 4, 5), undefined, undefined, b.ints(7, 8), { axes: [2, 3] }),
    [['n', 1, 7, 8]],
  ],
  ['DepthToSpace', ({ op, f }) => op.DepthToSpace(f('n', 8, 'm', 4), { blocksize: 2 }), [['n', 2, '2*m', 8]]],
  ['Sum of several', ({ op, f }) => op.Sum([f('n', 1), f('m'), f(1)]), [['n', 'm']]],
  ['CastLike', ({ op, b, f }) => op.CastLike(f('n', 2), b.ints(1)), [['n', 2]]],
  ['EyeLike of another type', ({ op, f }) => op.EyeLike(f('n', 'm'), { dtype: codeOf('int32') }), [['n', 'm']]],
  ['QuantizeLinear', ({ op, b, f }) => op.QuantizeLinear(f('n', 2), b.scalar(0.5), b.scalar(0, 'int8')), [['n', 2]]],
  ['Constant', ({ op }) => op.Constant({ value: int64([1, 2, 3]) }), [[3]]],
  [
    'Scan over an axis that is not the first',
    ({ op, b, f }) => {
      const body = b.subgraph('body');
      const [sum, x] = [body.input('sum', 'float32', [2]), body.input('x', 'float32', [2])];
      const next = body.op.Add(sum, x);
      body.output(next, 'next');
      body.output(body.op.Neg(next), 'each');
      return op.Scan([f(2), f(2, 'm')], { body: body.graph, num_scan_inputs: 1, scan_input_axes: [1] });
    },
    [[2], ['m', 2]],
  ],
];

it.each(table)('%s', async (_, build, known) => {
  const b = new GraphBuilder();
  const feeds: Record<string, Tensor> = {};
  const f = (...dims: Dim[]): Value => {
    const name = `x${b.graph.inputs.length}`;
    const real = dims.map((d) => concrete(d) as number);
    feeds[name] = float32(
      Float32Array.from({ length: sizeOf(real) }, (_, i) => (i % 7) / 7 + 0.1),
      real,
    );
    return b.input(name, 'float32', dims);
  };
  const results = [build({ b, op: b.op, f })].flat().map((value, i) => b.output(value, `y${i}`));
  expect(results.map((v) => v.shape)).toEqual(known);
  const real = await run(modelOf(b.graph), feeds);
  for (const { name, dtype, shape } of results) {
    const { dims, dtype: type } = real[name] as Tensor;
    expect([dtype, shape?.map((d, i) => concrete(d) ?? dims[i])]).toEqual([type, [...dims]]);
  }
});
