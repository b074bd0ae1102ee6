import type { OpSpec } from './spec.js';

/** Operators with graphs inside. */
export const control = {
  If: { in: ['condition'], attrs: { then_branch: 'graph!', else_branch: 'graph!' }, out: '...' },
  Loop: { in: ['count?', 'condition?', '...state'], attrs: { body: 'graph!' }, out: '...' },
  Scan: {
    in: ['...xs'],
    attrs: {
      body: 'graph!',
      num_scan_inputs: 'int!',
      scan_input_axes: 'ints',
      scan_input_directions: 'ints',
      scan_output_axes: 'ints',
      scan_output_directions: 'ints',
    },
    out: '...',
  },
} as const satisfies Record<string, OpSpec>;
