import type { OpSpec } from './spec.js';

/** Operators with graphs inside. */
export const control = {
  If: { in: ['condition'], attrs: { then_branch: 'graph!', else_branch: 'graph!' }, out: '...' },
  Loop: { in: ['count?', 'condition?', '...state'], attrs: { body: 'graph!' }, out: '...' },
} as const satisfies Record<string, OpSpec>;
