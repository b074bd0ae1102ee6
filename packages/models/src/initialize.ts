import { float32, sizeOf, type Tensor, zeros } from '@neuroprune/onnx';

/** FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv): 32 bits of a text. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) h = Math.imul(h ^ byte, 0x01000193);
  return h >>> 0;
}

/** Uniform numbers in (0, 1) from a 32-bit Weyl sequence through MurmurHash3's finalizer. */
function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (((z ^ (z >>> 16)) >>> 0) + 0.5) / 2 ** 32;
  };
}

/** Fresh parameters as transformers makes them: weights from N(0, range²), biases 0, scales of norms 1; a name and seed always give the same. */
export function freshParameter(name: string, dims: readonly number[], range: number, seed: number): Tensor {
  if (name.endsWith('.bias')) return zeros(dims);
  if (/(LayerNorm|layer_norm)\.weight$/.test(name)) return float32(new Float32Array(sizeOf(dims)).fill(1), dims);
  const next = uniform(hash(`${seed}:${name}`));
  // Box–Muller: √(−2 ln u)·cos 2πv
  const normal = () => Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next());
  return float32(
    Float32Array.from({ length: sizeOf(dims) }, () => range * normal()),
    dims,
  );
}
