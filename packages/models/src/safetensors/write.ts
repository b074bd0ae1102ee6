import { dtypes, type Tensor } from '@neuroprune/onnx';
import { ModelsError } from '../errors.js';
import { writeFileAtomic } from '../write-file.js';
import { safetensorsName } from './dtype.js';

/** `format: pt` is what transformers asks for before it loads a file. */
const defaultMetadata: Readonly<Record<string, string>> = { format: 'pt' };

/** Writes tensors to a `.safetensors` file, whole or not at all; the same tensors give the same bytes. */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = defaultMetadata,
): Promise<void> {
  await writeFileAtomic(path, safetensorsChunks(tensors, metadata));
}

/** The bytes of a `.safetensors` file. */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = defaultMetadata,
): Uint8Array {
  return new Uint8Array(Buffer.concat(safetensorsChunks(tensors, metadata)));
}

/** The bytes of a `.safetensors` file in pieces, the tensors' own arrays among them: no copy is made. */
export function safetensorsChunks(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = defaultMetadata,
): Uint8Array[] {
  const sorted = inFileOrder(tensors);
  const chunks = sorted.map(([name, t]) => bytesOf(name, t));
  let at = 0;
  const entries = sorted.map(([name, t], i) => {
    const begin = at;
    at += chunks[i]?.length ?? 0;
    return [name, { dtype: safetensorsName(t.dtype), shape: t.dims, data_offsets: [begin, at] }];
  });
  const meta = Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1)));
  return [...headerChunks({ __metadata__: meta, ...Object.fromEntries(entries) }), ...chunks];
}

/** Widest element types first, then by name: every tensor starts aligned to its elements, as the reference writer does it. */
function inFileOrder(tensors: ReadonlyMap<string, Tensor>): [string, Tensor][] {
  const width = (t: Tensor) => dtypes[t.dtype].bytes;
  return [...tensors].sort(([a, s], [b, t]) => width(t) - width(s) || (a < b ? -1 : 1));
}

function bytesOf(name: string, { dtype, dims, data }: Tensor): Uint8Array {
  safetensorsName(dtype);
  const { buffer, byteOffset, byteLength } = data as Uint8Array;
  const expected = dims.reduce((n, d) => n * d, 1) * dtypes[dtype].bytes;
  if (byteLength !== expected) {
    throw new ModelsError(`${name}: expected ${expected} bytes for ${dtype} [${dims}], got ${byteLength}`);
  }
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** The header is padded with spaces so that the data starts at a multiple of 8. */
function headerChunks(header: object): Uint8Array[] {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = new Uint8Array(Math.ceil(json.length / 8) * 8).fill(0x20);
  padded.set(json);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(padded.length), true);
  return [length, padded];
}
