import { type DType, dtypes, sizeOf } from '@neuroprune/onnx';
import { z } from 'zod';
import { ModelsError } from '../errors.js';
import { dtypeOf } from './dtype.js';

/** What a file may claim before we believe it. */
export const limits = {
  /** The reference implementation's own cap on the header; a real one takes about 120 bytes a tensor. */
  headerBytes: 100_000_000,
  /** Far above any real model (a few thousand), low enough that the checks below stay quick. */
  tensors: 100_000,
  /** Ranks of real weights end at 5; a long list of ones costs time in every shape rule. */
  rank: 8,
  /** More shards than the largest published checkpoints have, so that an index cannot open files without end. */
  shards: 1_000,
} as const;

/** Where a tensor lies: byte offsets from the end of the header. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: Exclude<DType, 'string'>;
  readonly dims: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** The parsed header: tensors in the order of their bytes, and the file's free-form metadata. */
export interface SafetensorsHeader {
  readonly tensors: readonly TensorEntry[];
  readonly metadata: Readonly<Record<string, string>>;
}

const Entry = z.object({
  dtype: z.enum(Object.keys(dtypeOf) as [keyof typeof dtypeOf, ...(keyof typeof dtypeOf)[]]),
  shape: z.array(z.int().nonnegative()).max(limits.rank),
  data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
});

const Metadata = z.record(z.string(), z.string());

/** Length of the header in bytes, from a file's first 8; throws where it cannot be one. */
export function headerLength(prefix: Uint8Array, fileBytes: number, file: string): number {
  if (fileBytes < 8 || prefix.length < 8) {
    throw new ModelsError(`${file}: expected a safetensors file, got ${fileBytes} bytes; download it again`);
  }
  const length = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(limits.headerBytes)) {
    throw new ModelsError(`${file}: expected a header of at most ${limits.headerBytes} bytes, got ${length}`);
  }
  if (length + 8n > BigInt(fileBytes)) {
    throw new ModelsError(
      `${file}: expected ${length} header bytes, got a file of ${fileBytes}; it is cut short or no safetensors file`,
    );
  }
  return Number(length);
}

/** Parses and checks a header: known types, sizes that match the shapes, and ranges that tile the data without gap or overlap. */
export function parseHeader(bytes: Uint8Array, dataBytes: number, file: string): SafetensorsHeader {
  const { __metadata__, ...entries } = headerObject(bytes, file);
  const names = Object.keys(entries);
  if (names.length > limits.tensors) {
    throw new ModelsError(`${file}: expected at most ${limits.tensors} tensors, got ${names.length}`);
  }
  const tensors = names.map((name) => parseEntry(name, entries[name], file));
  tensors.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkTiling(tensors, dataBytes, file);
  return { tensors, metadata: checked(Metadata, __metadata__ ?? {}, '__metadata__', file) };
}

function headerObject(bytes: Uint8Array, file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new ModelsError(`${file}: expected JSON in the header, got something else; it is corrupt`, 'input', {
      cause,
    });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ModelsError(`${file}: expected an object as the header, got ${Array.isArray(value) ? 'a list' : value}`);
  }
  return value as Record<string, unknown>;
}

function checked<T>(schema: z.ZodType<T>, value: unknown, name: string, file: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new ModelsError(`${file}: ${name}: ${[issue?.path.join('.'), issue?.message].filter(Boolean).join(': ')}`);
}

function parseEntry(name: string, value: unknown, file: string): TensorEntry {
  const entry = checked(Entry, value, name, file);
  const [begin, end] = entry.data_offsets;
  const dtype = dtypeOf[entry.dtype];
  const bytes = sizeOf(entry.shape) * dtypes[dtype].bytes;
  if (!Number.isSafeInteger(bytes) || end - begin !== bytes) {
    throw new ModelsError(
      `${file}: ${name}: expected ${bytes} bytes for ${entry.dtype} [${entry.shape}], got ${end - begin}`,
    );
  }
  return { name, dtype, dims: entry.shape, begin, end };
}

/** The reference implementation refuses gaps too: bytes that no tensor owns could hide anything. */
function checkTiling(tensors: readonly TensorEntry[], dataBytes: number, file: string): void {
  let at = 0;
  for (const { name, begin, end } of tensors) {
    if (end > dataBytes) {
      throw new ModelsError(`${file}: ${name}: expected to end within ${dataBytes} data bytes, got ${end}; cut short?`);
    }
    if (begin !== at) {
      const what = begin < at ? 'overlaps the tensor before it' : 'leaves a gap';
      throw new ModelsError(`${file}: ${name}: expected to begin at byte ${at}, got ${begin} (${what})`);
    }
    at = end;
  }
  if (at !== dataBytes) throw new ModelsError(`${file}: expected ${at} data bytes, got ${dataBytes}`);
}
