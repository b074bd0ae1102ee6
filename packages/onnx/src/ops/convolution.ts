import { type OpSpec, unary } from './spec.js';

const window = { auto_pad: 'string', dilations: 'ints', pads: 'ints', strides: 'ints' } as const;
const spatial = { ...window, group: 'int', kernel_shape: 'ints' } as const;
const pool = { ...window, ceil_mode: 'int', kernel_shape: 'ints!' } as const;

/** Convolutions and pooling. */
export const convolution = {
  AveragePool: { in: ['x'], attrs: { ...pool, count_include_pad: 'int' } },
  Conv: { in: ['x', 'weight', 'bias?'], attrs: spatial },
  ConvTranspose: {
    in: ['x', 'weight', 'bias?'],
    attrs: { ...spatial, output_padding: 'ints', output_shape: 'ints' },
  },
  DeformConv: {
    in: ['x', 'weight', 'offset', 'bias?', 'mask?'],
    attrs: {
      dilations: 'ints',
      group: 'int',
      kernel_shape: 'ints',
      offset_group: 'int',
      pads: 'ints',
      strides: 'ints',
    },
  },
  GlobalAveragePool: unary,
  GlobalLpPool: { in: ['x'], attrs: { p: 'int' } },
  GlobalMaxPool: unary,
  LpPool: { in: ['x'], attrs: { ...pool, p: 'int' } },
  MaxPool: { in: ['x'], attrs: { ...pool, storage_order: 'int' }, out: 2, outs: [1, 2] },
  MaxUnpool: {
    in: ['x', 'indices', 'output_shape?'],
    attrs: { kernel_shape: 'ints!', pads: 'ints', strides: 'ints' },
  },
} as const satisfies Record<string, OpSpec>;
