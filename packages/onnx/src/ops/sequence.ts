import type { OpSpec } from './spec.js';

/** Sequences of tensors, and values that may be absent. */
export const sequence = {
  ConcatFromSequence: { in: ['sequence'], attrs: { axis: 'int!', new_axis: 'int' } },
  Optional: { in: ['x?'], attrs: { type: 'type' } },
  OptionalGetElement: { in: ['x'] },
  OptionalHasElement: { in: ['x?'] },
  SequenceAt: { in: ['sequence', 'position'] },
  SequenceConstruct: { in: ['...xs'] },
  SequenceEmpty: { in: [], attrs: { dtype: 'int' } },
  SequenceErase: { in: ['sequence', 'position?'] },
  SequenceInsert: { in: ['sequence', 'x', 'position?'] },
  SequenceLength: { in: ['sequence'] },
  SequenceMap: { in: ['sequence', '...xs'], attrs: { body: 'graph!' }, out: '...' },
  SplitToSequence: { in: ['x', 'split?'], attrs: { axis: 'int', keepdims: 'int' } },
} as const satisfies Record<string, OpSpec>;
