import { codeOf, float32, type GraphBuilder, type Value } from '@neuroprune/onnx';

/** Turns heads [batch, heads, tokens, size] by their tokens' positions. */
export type Rotate = (x: Value) => Value;

/**
 * Rotary positions (Su et al. 2021, §3.4.2, pairs half a head apart as in GPT-NeoX) from `positions` [tokens] or
 * [batch, tokens]: dimensions i and i + size/2 turn by position·θ^(−2i/size).
 */
export function rotary(builder: GraphBuilder, positions: Value, size: number, theta: number): Rotate {
  const { op } = builder;
  const half = size / 2;
  const rates = Float32Array.from({ length: half }, (_, i) => 1 / Math.fround(theta ** Math.fround((2 * i) / size)));
  const where = op.Unsqueeze(op.Cast(positions, { to: codeOf('float32') }), builder.ints(-1));
  const angles = op.Mul(where, builder.constant(float32(rates, [half]))); // [(B,) S, size/2]
  const perHead = (x: Value) => (positions.rank === 2 ? op.Unsqueeze(x, builder.ints(1)) : x);
  const cos = perHead(op.Cos(angles));
  const sin = perHead(op.Sin(angles));
  return (x) => {
    const [a, b] = op.Split(x, undefined, { axis: -1, num_outputs: 2 }) as [Value, Value];
    const turned = [op.Sub(op.Mul(a, cos), op.Mul(b, sin)), op.Add(op.Mul(b, cos), op.Mul(a, sin))];
    return op.Concat(turned, { axis: -1 });
  };
}
