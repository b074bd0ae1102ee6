import type { Node } from '../model.js';
import type { Dim, Shape } from '../shape.js';
import { type InferRule, numberAttribute, shapeAt, stringAttribute, type TypeInfo } from './rule.js';

/** Y, then the last state of each kind. `layout` 1 has the batch first. */
function recurrentShapes(node: Node): readonly Shape[] | undefined {
  const x = shapeAt(node, 0);
  if (!x) return undefined;
  const directions = stringAttribute(node, 'direction') === 'bidirectional' ? 2 : 1;
  const hidden: Dim = numberAttribute(node, 'hidden_size', 0) || (shapeAt(node, 2)?.[2] ?? null);
  const [first = null, second = null] = x;
  return numberAttribute(node, 'layout', 0) === 1
    ? [
        [first, second, directions, hidden],
        [first, directions, hidden],
      ]
    : [
        [first, directions, second, hidden],
        [directions, second, hidden],
      ];
}

const layer =
  (results: number): InferRule =>
  (node) => {
    const shapes = recurrentShapes(node);
    return Array.from({ length: results }, (_, i): TypeInfo => {
      return { dtype: node.inputs[0]?.dtype, shape: shapes?.[Math.min(i, 1)] };
    });
  };

/** Shape rules of recurrent layers. */
export const recurrent = { GRU: layer(2), LSTM: layer(3), RNN: layer(2) } as const satisfies Record<string, InferRule>;
