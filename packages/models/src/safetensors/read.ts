import { type FileHandle, open, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Tensor } from '@neuroprune/onnx';
import { viewOf } from '@neuroprune/onnx';
import { z } from 'zod';
import { ModelsError } from '../errors.js';
import { headerLength, limits, parseHeader, type SafetensorsHeader, type TensorEntry } from './header.js';

/** Bytes that can be read in part. */
interface Source {
  readonly name: string;
  readonly bytes: number;
  read(offset: number, length: number): Promise<ArrayBuffer>;
}

/** What to read. */
export interface ReadOptions {
  /** Tensors whose names it turns down are not read; all are when it is absent. */
  readonly only?: (name: string) => boolean;
  /** What becomes of each tensor as soon as it is read, before the next one is. */
  readonly each?: (tensor: Tensor) => Tensor;
}

/** Tensors by name from a `.safetensors` file, its bytes, or the shards of a `.safetensors.index.json`. */
export async function readSafetensors(
  source: string | Uint8Array,
  options: ReadOptions = {},
): Promise<Map<string, Tensor>> {
  if (typeof source !== 'string') return readTensors(memory(source), options);
  if (source.endsWith('.index.json')) return readShards(source, options);
  return withFile(source, (file) => readTensors(file, options));
}

/** The header alone: names, types, shapes and metadata. */
export async function readSafetensorsHeader(source: string | Uint8Array): Promise<SafetensorsHeader> {
  const header = async (from: Source) => (await readHeader(from)).header;
  return typeof source === 'string' ? withFile(source, header) : header(memory(source));
}

async function readHeader(source: Source): Promise<{ header: SafetensorsHeader; dataAt: number }> {
  const prefix = new Uint8Array(await source.read(0, Math.min(8, source.bytes)));
  const length = headerLength(prefix, source.bytes, source.name);
  const bytes = new Uint8Array(await source.read(8, length));
  return { header: parseHeader(bytes, source.bytes - 8 - length, source.name), dataAt: 8 + length };
}

async function readTensors(source: Source, { only, each }: ReadOptions): Promise<Map<string, Tensor>> {
  const { header, dataAt } = await readHeader(source);
  const tensors = new Map<string, Tensor>();
  for (const entry of header.tensors) {
    if (only && !only(entry.name)) continue;
    const tensor = await readTensor(source, entry, dataAt);
    tensors.set(entry.name, each ? each(tensor) : tensor);
  }
  return tensors;
}

async function readTensor(source: Source, { dtype, dims, begin, end }: TensorEntry, dataAt: number): Promise<Tensor> {
  // Each tensor gets a buffer of its own: typed arrays need aligned offsets, which the format does not promise.
  return { dtype, dims, data: viewOf(dtype, await source.read(dataAt + begin, end - begin)) };
}

/** Types and shapes of a `.safetensors` file's tensors, or of those that a `.safetensors.index.json` names, without their data. */
export async function readTensorEntries(path: string): Promise<Pick<TensorEntry, 'name' | 'dtype' | 'dims'>[]> {
  if (!path.endsWith('.index.json')) return [...(await readSafetensorsHeader(path)).tensors];
  const found = (await readIndex(path)).map(async ({ path: shard, tensors }) => {
    const { tensors: entries } = await readSafetensorsHeader(shard);
    return entries.filter(({ name }) => tensors.has(name));
  });
  return (await Promise.all(found)).flat();
}

/** One file of an index, and the tensors that are to be read from it. */
interface Shard {
  readonly path: string;
  readonly tensors: ReadonlySet<string>;
}

const Index = z.object({ weight_map: z.record(z.string(), z.string()) });

async function readIndex(path: string): Promise<Shard[]> {
  const name = basename(path);
  const index = Index.safeParse(await readJson(path));
  if (!index.success) throw new ModelsError(`${name}: expected a weight_map from tensor to file name`);
  const files = new Map<string, Set<string>>();
  for (const [tensor, file] of Object.entries(index.data.weight_map))
    files.set(file, (files.get(file) ?? new Set()).add(tensor));
  if (files.size > limits.shards) {
    throw new ModelsError(`${name}: expected at most ${limits.shards} shards, got ${files.size}`);
  }
  return [...files]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([file, tensors]) => ({ path: join(dirname(path), plainName(file, name)), tensors }));
}

async function readShards(path: string, { only, each }: ReadOptions): Promise<Map<string, Tensor>> {
  const all = new Map<string, Tensor>();
  for (const { path: file, tensors } of await readIndex(path)) {
    const wanted = (tensor: string) => tensors.has(tensor) && (!only || only(tensor));
    const shard = await readSafetensors(file, { only: wanted, ...(each && { each }) });
    for (const [tensor, content] of shard) all.set(tensor, content);
    const absent = [...tensors].find((tensor) => wanted(tensor) && !shard.has(tensor));
    if (absent) throw new ModelsError(`${basename(path)}: expected ${absent} in ${basename(file)}, got none`);
  }
  return all;
}

/** A shard lies beside its index; anything that could name another folder is refused. */
function plainName(file: string, index: string): string {
  if (!/^[\w.-]+\.safetensors$/.test(file)) {
    throw new ModelsError(`${index}: expected the name of a .safetensors file beside it, got '${file}'`);
  }
  return file;
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new ModelsError(`${basename(path)}: expected a JSON file, got none that can be read`, 'input', { cause });
  }
}

function memory(bytes: Uint8Array): Source {
  // A Buffer's own slice would share its pool, so the copy is asked for by name.
  const read = async (offset: number, length: number) => new Uint8Array(bytes.subarray(offset, offset + length)).buffer;
  return { name: 'safetensors', bytes: bytes.length, read };
}

async function withFile<T>(path: string, use: (source: Source) => Promise<T>): Promise<T> {
  const handle = await open(path).catch((cause: NodeJS.ErrnoException) => {
    throw new ModelsError(`${basename(path)}: expected a file to read, got ${cause.code} (${path})`, 'input', {
      cause,
    });
  });
  try {
    const { size } = await handle.stat();
    return await use({
      name: basename(path),
      bytes: size,
      read: (offset, length) => readRange(handle, offset, length),
    });
  } finally {
    await handle.close();
  }
}

async function readRange(handle: FileHandle, offset: number, length: number): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    // One read call takes at most 2 GiB.
    const { bytesRead } = await handle.read(bytes, done, Math.min(length - done, 2 ** 30), offset + done);
    if (bytesRead === 0)
      throw new ModelsError(`safetensors: expected ${length} bytes at ${offset}, got ${done}`, 'job');
    done += bytesRead;
  }
  return bytes.buffer;
}
