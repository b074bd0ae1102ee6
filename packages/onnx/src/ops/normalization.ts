import { type OpSpec, unary } from './spec.js';

const epsilon = { in: ['x', 'scale', 'bias'], attrs: { epsilon: 'float' } } as const;

/** Normalizations of channels and of whole tensors. */
export const normalization = {
  BatchNormalization: {
    in: ['x', 'scale', 'bias', 'mean', 'variance'],
    attrs: { epsilon: 'float', momentum: 'float', training_mode: 'int' },
    out: '...',
    outs: [1, 3],
  },
  GroupNormalization: {
    in: ['x', 'scale', 'bias'],
    attrs: { epsilon: 'float', num_groups: 'int!', stash_type: 'int' },
  },
  InstanceNormalization: epsilon,
  LRN: { in: ['x'], attrs: { alpha: 'float', beta: 'float', bias: 'float', size: 'int!' } },
  LpNormalization: { in: ['x'], attrs: { axis: 'int', p: 'int' } },
  MeanVarianceNormalization: { ...unary, attrs: { axes: 'ints' } },
} as const satisfies Record<string, OpSpec>;
