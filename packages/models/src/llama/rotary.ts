import { codeOf, float32, type GraphBuilder, type Value } from '@neuroprune/onnx';
import type { DecoderConfig } from './config.js';

/** What a configuration says of them. */
type RotaryOptions = Pick<DecoderConfig, 'rope_theta' | 'rope_scaling'>;

/** Turns heads [batch, heads, tokens, size] by their tokens' positions. */
export type Rotate = (x: Value) => Value;

/**
 * Rotary positions (Su et al. 2021, §3.4.2, pairs half a head apart as in GPT-NeoX) from `positions` [tokens] or
 * [batch, tokens]: dimensions i and i + size/2 turn by position·θ^(−2i/size).
 */
export function rotary(builder: GraphBuilder, positions: Value, size: number, c: RotaryOptions): Rotate {
  const { op } = builder;
  const half = size / 2;
  const rates = Float32Array.from({ length: half }, (_, i) =>
    scaled(1 / Math.fround(c.rope_theta ** Math.fround((2 * i) / size)), c.rope_scaling),
  );
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

/** A rate made slower for long texts: all alike, or only those whose wave is long (transformers `_compute_llama3_parameters`). */
function scaled(rate: number, scaling: RotaryOptions['rope_scaling']): number {
  if (!scaling || scaling.rope_type === 'default') return rate;
  if (scaling.rope_type === 'linear') return rate / scaling.factor;
  const { factor, low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: length } = scaling;
  const waves = (length * rate) / (2 * Math.PI); // in a text of the original length
  const share = Math.min(Math.max((waves - low) / (high - low), 0), 1);
  return ((1 - share) * rate) / factor + share * rate;
}
