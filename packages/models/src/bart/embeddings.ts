import { float32, type GraphBuilder, type Value } from '@neuroprune/onnx';
import type { Params } from '../params.js';
import type { SharedConfig } from './config.js';

/**
 * Rows of a table whose padding row gets no gradient from here, as PyTorch's `nn.Embedding(padding_idx)`: the tied output
 * projection still trains it. [B, S] → [B, S, D]
 */
export function paddedLookup({ op, builder }: Params, table: Value, inputIds: Value, padding: number): Value {
  const row = withoutGradient(builder, op.Gather(table, builder.ints(padding))); // [1, D]
  const isPadding = op.Unsqueeze(op.Equal(inputIds, padding), builder.ints(-1));
  return op.Where(isPadding, row, op.Gather(table, inputIds));
}

/** 2⁴⁰: times it, every float32 from 2⁻¹⁶ on is whole, and what is lost of a smaller one is below 2⁻⁴⁰. */
const WHOLE = 2 ** 40;

/** The same numbers through `Floor`, which passes no gradient on; scaling by a power of two is exact. */
const withoutGradient = ({ op }: GraphBuilder, x: Value): Value => op.Mul(op.Floor(op.Mul(x, WHOLE)), 1 / WHOLE);

/** Learned positions, whose table starts two rows early. */
export function learnedPositions(p: Params, positions: Value, c: SharedConfig): Value {
  const table = p.at('embed_positions').param('weight', [c.max_position_embeddings + 2, c.d_model]);
  return p.op.Gather(table, p.op.Add(positions, 2)); // [S, D]
}

/**
 * Sines in the first half of the dimensions, cosines of the same angles in the second (Vaswani et al. 2017, §3.5, not
 * interleaved; transformers `MarianSinusoidalPositionalEmbedding`).
 */
export function sinusoidalPositions({ op, builder }: Params, positions: Value, c: SharedConfig): Value {
  const [rows, width] = [c.max_position_embeddings, c.d_model];
  const half = Math.ceil(width / 2);
  const table = Float32Array.from({ length: rows * width }, (_, i) => {
    const [row, column] = [Math.floor(i / width), i % width];
    const angle = (step: number) => row / 10_000 ** ((2 * step) / width);
    return column < half ? Math.sin(angle(column)) : Math.cos(angle(column - half));
  });
  return op.Gather(builder.constant(float32(table, [rows, width])), positions); // [S, D]
}
