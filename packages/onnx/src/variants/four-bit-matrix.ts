import { sizeOf } from '../tensor.js';
import type { Linear } from './linear.js';

/** How weights are stored in four bits. */
export interface FourBitOptions {
  /** Inputs of an output that share a scale: 16, 32, 64, 128 or 256. */
  readonly blockSize: number;
  /** Whether 8 stands for 0 everywhere; else each block has a number of its own that does. */
  readonly symmetric: boolean;
}

/** A matrix in four bits, in the order of `MatMulNBits`: output after output, block after block. */
export interface FourBitMatrix {
  /** [outputs, blocks, blockSize / 2], two elements a byte, the first in the low bits. */
  readonly packed: Uint8Array;
  /** [outputs · blocks] */
  readonly scales: Float32Array;
  /** [outputs · ⌈blocks / 2⌉], packed alike; absent when symmetric. */
  readonly zeroPoints?: Uint8Array;
}

/** What a block's elements are multiples of, and which number stands for 0. */
interface Range {
  readonly scale: number;
  readonly zero: number;
}

/** The largest magnitude becomes 0 or 16 steps of 8 (onnxruntime/core/mlas/lib/q4_dq.cpp, `range2scale`). */
const symmetricRange = (low: number, high: number): Range => ({
  scale: Math.fround(-(Math.abs(high) > Math.abs(low) ? high : low) / 8),
  zero: 8,
});

/** Least and largest element, 0 among them, become 0 and 15 (`range2scalezp`, same file). */
function openRange(low: number, high: number): Range {
  const [from, to] = [Math.min(low, 0), Math.max(high, 0)];
  const scale = Math.fround(Math.fround(to - from) / 15);
  const zero = scale === 0 ? from : Math.fround(0 - Math.fround(from / scale));
  return { scale, zero: Math.round(Math.min(15, Math.max(0, zero))) };
}

/** Half goes away from zero; what is below zero is clamped to it anyway. */
const nibble = (x: number, reciprocal: number, zero: number): number =>
  Math.min(15, Math.max(0, Math.floor(Math.fround(Math.fround(x * reciprocal) + zero) + 0.5)));

/** Stores a matrix as ONNX Runtime's `matmul_nbits_quantizer` does (`DefaultWeightOnlyQuantizer`), bit for bit. */
export function fourBitMatrix(linear: Linear, { blockSize, symmetric }: FourBitOptions): FourBitMatrix {
  const { inputs, outputs, byOutput } = linear;
  const { data } = linear.content;
  const blocks = Math.ceil(inputs / blockSize);
  const packed = new Uint8Array(sizeOf([outputs, blocks, blockSize / 2]));
  const scales = new Float32Array(outputs * blocks);
  // What an odd number of blocks leaves free says 8, the middle.
  const zeroPoints = new Uint8Array(outputs * Math.ceil(blocks / 2)).map((_, i) =>
    blocks % 2 === 1 && (i + 1) % Math.ceil(blocks / 2) === 0 ? 0x80 : 0,
  );
  const [step, stride] = byOutput ? [1, inputs] : [outputs, 1];
  for (let output = 0, block = 0; output < outputs; output++) {
    for (let from = 0, b = 0; from < inputs; from += blockSize, b++, block++) {
      const count = Math.min(blockSize, inputs - from);
      const at = output * stride + from * step;
      const { scale, zero } = blockRange(data, at, step, count, symmetric);
      scales[block] = scale;
      zeroPoints[output * Math.ceil(blocks / 2) + (b >> 1)]! |= zero << (4 * (b & 1));
      const reciprocal = scale === 0 ? 0 : Math.fround(1 / scale);
      for (let k = 0; k < count; k++) {
        const element = nibble(data[at + k * step] as number, reciprocal, zero);
        packed[(block * blockSize + k) >> 1]! |= element << (4 * (k & 1));
      }
    }
  }
  return { packed, scales, ...(!symmetric && { zeroPoints }) };
}

function blockRange(data: Float32Array, at: number, step: number, count: number, symmetric: boolean): Range {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let k = 0; k < count; k++) {
    const x = data[at + k * step] as number;
    if (x < low) low = x;
    if (x > high) high = x;
  }
  return symmetric ? symmetricRange(low, high) : openRange(low, high);
}
