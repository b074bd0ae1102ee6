import { codeOf } from '../builder.js';
import type { Value } from '../model.js';
import { countTo, type Decomposition, extent, isRead, operand, setting } from './context.js';

/** com.microsoft.EmbedLayerNormalization: the sum of the tables' rows, normalized; then how many tokens count in each row. */
export const embedLayerNormalization: Decomposition = (c) => {
  const { op, builder, node } = c;
  const [ids, segments] = [operand(c, 0), node.inputs[1]];
  const [mask, positions] = [node.inputs[7], node.inputs[8]];
  const words = op.Gather(operand(c, 2), ids);
  // The operator adds the positions first.
  const places = positions ?? op.Unsqueeze(countTo(c, extent(c, ids, 1)), builder.ints(0));
  const placed = op.Add(words, op.Gather(operand(c, 3), places));
  const sum = segments ? op.Add(placed, op.Gather(operand(c, 4), segments)) : placed;
  const attributes = { axis: -1, epsilon: setting(c, 'epsilon', 1e-12) };
  const [y] = op.LayerNormalization(sum, operand(c, 5), operand(c, 6), attributes);
  return [y, isRead(c, 1) ? lengths(mask) : undefined, sum];

  /** The ones of a mask; none where there is no mask. */
  function lengths(given: Value | undefined): Value {
    const one = builder.scalar(1, 'int32');
    const counted = given ? op.Equal(given, one) : op.Less(ids, ids);
    return op.ReduceSum(op.Cast(counted, { to: codeOf('int32') }), builder.ints(1), { keepdims: 0 });
  }
};
