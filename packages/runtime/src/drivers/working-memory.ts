import { totalmem } from 'node:os';
import type { Graph, Model, Value } from '@neuroprune/onnx';
import type { Batch } from '../batch.js';

type Extents = Pick<Batch, 'rows' | 'length'>;

/** Bytes of an element of the types that are not four wide. */
const widths: Readonly<Record<string, number>> = { bool: 1, float16: 2, int64: 8 };

/** An extent for a batch: names are products of axes, `batch` of its rows and all others of its length. */
const extentOf = (dim: number | string, { rows, length }: Extents): number =>
  typeof dim === 'number' ? dim : dim.split('*').reduce((n, axis) => n * (axis === 'batch' ? rows : length), 1);

/** Bytes of a value; the first extent that inference does not know is taken for that of all tokens, which it most often is. */
function bytesOf({ dtype, shape }: Value, batch: Extents): number {
  const dims = shape ?? [];
  const unknown = dims.indexOf(null);
  const all = dims.length > 3 ? 'batch' : 'batch*sequence';
  const elements = dims.reduce<number>((n, dim, i) => n * extentOf(dim ?? (i === unknown ? all : 1), batch), 1);
  return (widths[dtype ?? ''] ?? 4) * elements;
}

/** What is read last by a node, by its place among them. */
function lastReaders({ nodes, outputs }: Graph): Map<Value, number> {
  const last = new Map<Value, number>();
  nodes.forEach((node, at) => {
    for (const value of [...node.outputs, ...node.inputs]) if (value) last.set(value, at);
  });
  for (const value of outputs) last.set(value, nodes.length);
  return last;
}

/** Buffers of a step on a GPU that keeps each for values of its own size: the most of a size that there are at a time. */
export function bytesKept({ graph }: Model, batch: Extents): { readonly fixed: number; readonly ofBatch: number } {
  const last = lastReaders(graph);
  const freed = new Map<number, Value[]>();
  for (const [value, at] of last) freed.set(at, [...(freed.get(at) ?? []), value]);
  const sizes = new Map<number, { now: number; most: number; ofBatch: boolean }>();
  const sizeOf = (value: Value) => {
    const bytes = bytesOf(value, batch);
    const known = sizes.get(bytes) ?? {
      now: 0,
      most: 0,
      ofBatch: value.shape?.some((d) => typeof d !== 'number') ?? true,
    };
    sizes.set(bytes, known);
    return known;
  };
  graph.nodes.forEach(({ outputs }, at) => {
    for (const value of outputs) {
      const size = sizeOf(value);
      size.now++;
      size.most = Math.max(size.most, size.now);
    }
    for (const value of freed.get(at) ?? []) if (value.producer) sizeOf(value).now--;
  });
  const sum = (ofBatch: boolean) =>
    [...sizes].reduce((n, [bytes, size]) => n + (size.ofBatch === ofBatch ? bytes * size.most : 0), 0);
  return { fixed: sum(false), ofBatch: sum(true) };
}

/** What the buffers of batches of all lengths come to, in those of the largest, where lengths go up to its by eighths. */
const LENGTHS = 4.5;

/** Whether a GPU has room for the buffers of batches of all lengths at once. WebGPU does not tell its memory: half of the host's is taken for it. */
export function hasRoomForAll(step: Model, largest: Extents): boolean {
  const { fixed, ofBatch } = bytesKept(step, largest);
  return fixed + LENGTHS * ofBatch <= totalmem() / 2;
}
