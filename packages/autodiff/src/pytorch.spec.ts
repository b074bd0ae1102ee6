import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Model, parse, sizeOf, type Tensor, tensor } from '@neuroprune/onnx';
import { describe, expect, it } from 'vitest';
import { evaluate } from '../test/evaluate.js';
import { gradients } from './gradients.js';
import { rules } from './rules/rules.js';

// Graphs with gradients from PyTorch's autograd: tools/golden/make_gradients.py.
const folder = fileURLToPath(new URL('../fixtures/gradients/', import.meta.url));
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.txt'))
  .map((file) => file.slice(0, -4));

interface Stored {
  readonly dtype: 'float64' | 'int64';
  readonly dims: readonly number[];
  /** Base64 of little-endian elements. */
  readonly data: string;
}
interface Golden {
  readonly dtype: 'float32' | 'float64';
  readonly loss: number;
  readonly inputs: Readonly<Record<string, Stored>>;
  readonly gradients: Readonly<Record<string, Stored>>;
}

const bufferOf = ({ data }: Stored): ArrayBuffer => Uint8Array.from(Buffer.from(data, 'base64')).buffer;
const numbersOf = (stored: Stored): Float64Array => new Float64Array(bufferOf(stored));

function inputOf(stored: Stored, dtype: Golden['dtype']): Tensor {
  if (stored.dtype === 'int64') return tensor('int64', stored.dims, new BigInt64Array(bufferOf(stored)));
  const data = numbersOf(stored);
  return dtype === 'float64' ? tensor(dtype, stored.dims, data) : tensor(dtype, stored.dims, Float32Array.from(data));
}

const graphOf = (name: string): Model => parse(readFileSync(`${folder}${name}.txt`, 'utf8'));
const goldenOf = (name: string): Golden => JSON.parse(readFileSync(`${folder}${name}.json`, 'utf8')) as Golden;

/** Norm of the difference, relative to the norm of what is expected. */
function difference(got: ArrayLike<number>, want: Float64Array): number {
  const norm = (f: (i: number) => number) => Math.sqrt(want.reduce((sum, _, i) => sum + f(i) ** 2, 0));
  return (
    norm((i) => (got[i] as number) - (want[i] as number)) /
    Math.max(
      norm((i) => want[i] as number),
      1e-30,
    )
  );
}

describe('gradients agree with PyTorch autograd', () => {
  it('in ten graphs of more than forty operators with a rule', () => {
    const types = new Set(names.flatMap((name) => graphOf(name).graph.nodes.map((node) => node.opType)));
    expect(names.length).toBeGreaterThanOrEqual(10);
    expect([...types].filter((type) => Object.hasOwn(rules, type)).length).toBeGreaterThanOrEqual(60);
  });

  it.each(names)('%s', async (name) => {
    const golden = goldenOf(name);
    const wrt = Object.keys(golden.gradients);
    const model = gradients(graphOf(name), { of: 'loss', wrt });
    const feeds = Object.fromEntries(Object.entries(golden.inputs).map(([n, t]) => [n, inputOf(t, golden.dtype)]));
    const results = await evaluate(model, feeds);
    expect(difference(results.loss?.data as Float64Array, Float64Array.of(golden.loss))).toBeLessThan(1e-5);
    for (const n of wrt) {
      const [got, want] = [results[`grad.${n}`] as Tensor, golden.gradients[n] as Stored];
      expect([...got.dims], n).toEqual(want.dims);
      expect(sizeOf(got.dims)).toBeGreaterThan(0);
      expect(difference(got.data as Float64Array, numbersOf(want)), n).toBeLessThan(1e-5);
    }
  });
});
