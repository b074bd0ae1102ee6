import { type OpSpec, unary } from './spec.js';

const convolution = {
  auto_pad: 'string',
  dilations: 'ints',
  group: 'int',
  kernel_shape: 'ints',
  pads: 'ints',
  strides: 'ints',
} as const;

/** Quantization, and products of quantized numbers. */
export const quantized = {
  ConvInteger: { in: ['x', 'weight', 'x_zero_point?', 'weight_zero_point?'], attrs: convolution },
  DequantizeLinear: {
    in: ['x', 'scale', 'zero_point?'],
    attrs: { axis: 'int', block_size: 'int', output_dtype: 'int' },
  },
  DynamicQuantizeLinear: { ...unary, out: 3 },
  MatMulInteger: { in: ['a', 'b', 'a_zero_point?', 'b_zero_point?'] },
  QLinearConv: {
    in: [
      'x',
      'x_scale',
      'x_zero_point',
      'weight',
      'weight_scale',
      'weight_zero_point',
      'y_scale',
      'y_zero_point',
      'bias?',
    ],
    attrs: convolution,
  },
  QLinearMatMul: {
    in: ['a', 'a_scale', 'a_zero_point', 'b', 'b_scale', 'b_zero_point', 'y_scale', 'y_zero_point'],
  },
  QuantizeLinear: {
    in: ['x', 'scale', 'zero_point?'],
    attrs: { axis: 'int', block_size: 'int', output_dtype: 'int', precision: 'int', saturate: 'int' },
  },
} as const satisfies Record<string, OpSpec>;
