/** Compiled, never run: each line below `@ts-expect-error` must not compile. */
import { float32, GraphBuilder, type Value } from '../src/index.js';

const b = new GraphBuilder();
const { op } = b;
const x = b.input('x', 'float32', ['batch', 4]);

export const one: Value = op.Add(x, 1);
export const three: [Value, Value, Value] = op.LayerNormalization(x, x, { epsilon: 1e-5 });
export const two: [Value, Value] = op.MaxPool(x, { kernel_shape: [2] });
export const four: [Value, Value, Value, Value] = op.Unique(x);
export const states: [Value, Value, Value] = op.LSTM(x, x, x, undefined, x, { hidden_size: 4 });
export const many: Value[] = op.Split(x, undefined, { num_outputs: 2 });
export const optional: Value = op.Clip(x, undefined, 1);
export const some: Value = op.Slice(x, x, x, x);
export const between: Value = op.Pad(x, x, 5, { mode: 'constant' });
export const list: Value = op.Concat([x, x], { axis: 0 });
export const ints: Value = op.Transpose(x, { perm: [1, 0] });

// @ts-expect-error no such operator
op.Convolve(x, x);
// @ts-expect-error an operand is missing
op.Add(x);
// @ts-expect-error an operand too many
op.Neg(x, x);
// @ts-expect-error a required attribute is missing
op.Concat([x, x]);
// @ts-expect-error a required attribute is missing
op.Cast(x, {});
// @ts-expect-error no such attribute
op.Softmax(x, { axes: 1 });
// @ts-expect-error an attribute of another type
op.Transpose(x, { perm: 1 });
// @ts-expect-error operators without attributes take none
op.Tanh(x, { axis: 1 });
// @ts-expect-error a tensor is no operand
op.Add(x, float32([1]));
// @ts-expect-error three results are not one
export const wrong: Value = op.LayerNormalization(x, x);
// @ts-expect-error any number of operands comes as one array
op.Max(x, x);
// @ts-expect-error absent operands are undefined, not null
op.Clip(x, null, 1);
