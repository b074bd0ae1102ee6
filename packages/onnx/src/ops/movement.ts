import type { OpSpec } from './spec.js';

/** Operators that move, pick, repeat or make elements. */
export const movement = {
  Concat: { in: ['...xs'], attrs: { axis: 'int!' } },
  ConstantOfShape: { in: ['shape'], attrs: { value: 'tensor' } },
  Expand: { in: ['x', 'shape'] },
  Flatten: { in: ['x'], attrs: { axis: 'int' } },
  Gather: { in: ['data', 'indices'], attrs: { axis: 'int' } },
  GatherElements: { in: ['data', 'indices'], attrs: { axis: 'int' } },
  GatherND: { in: ['data', 'indices'], attrs: { batch_dims: 'int' } },
  OneHot: { in: ['indices', 'depth', 'values'], attrs: { axis: 'int' } },
  Pad: { in: ['x', 'pads', 'value?', 'axes?'], attrs: { mode: 'string' } },
  Range: { in: ['start', 'limit', 'delta'] },
  Reshape: { in: ['data', 'shape'], attrs: { allowzero: 'int' } },
  ScatterElements: { in: ['data', 'indices', 'updates'], attrs: { axis: 'int', reduction: 'string' } },
  ScatterND: { in: ['data', 'indices', 'updates'], attrs: { reduction: 'string' } },
  Shape: { in: ['x'], attrs: { start: 'int', end: 'int' } },
  Slice: { in: ['data', 'starts', 'ends', 'axes?', 'steps?'] },
  Split: { in: ['x', 'split?'], attrs: { axis: 'int', num_outputs: 'int' }, out: '...' },
  Squeeze: { in: ['x', 'axes?'] },
  Tile: { in: ['x', 'repeats'] },
  Transpose: { in: ['x'], attrs: { perm: 'ints' } },
  Trilu: { in: ['x', 'k?'], attrs: { upper: 'int' } },
  Unsqueeze: { in: ['x', 'axes'] },
} as const satisfies Record<string, OpSpec>;
