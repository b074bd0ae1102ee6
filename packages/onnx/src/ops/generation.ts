import type { OpSpec } from './spec.js';

const normal = { dtype: 'int', mean: 'float', scale: 'float', seed: 'float' } as const;
const uniform = { dtype: 'int', high: 'float', low: 'float', seed: 'float' } as const;

/** Constants and random numbers. */
export const generation = {
  Bernoulli: { in: ['x'], attrs: { dtype: 'int', seed: 'float' } },
  Constant: {
    in: [],
    attrs: {
      sparse_value: 'sparse',
      value: 'tensor',
      value_float: 'float',
      value_floats: 'floats',
      value_int: 'int',
      value_ints: 'ints',
      value_string: 'string',
      value_strings: 'strings',
    },
  },
  EyeLike: { in: ['x'], attrs: { dtype: 'int', k: 'int' } },
  Multinomial: { in: ['x'], attrs: { dtype: 'int', sample_size: 'int', seed: 'float' } },
  RandomNormal: { in: [], attrs: { ...normal, shape: 'ints!' } },
  RandomNormalLike: { in: ['x'], attrs: normal },
  RandomUniform: { in: [], attrs: { ...uniform, shape: 'ints!' } },
  RandomUniformLike: { in: ['x'], attrs: uniform },
} as const satisfies Record<string, OpSpec>;
