import { createHash, randomUUID } from 'node:crypto';
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { EncodedRow, EncodedRows, RowList } from './encode.js';
import { EvaluateError } from './error.js';
import { type RowStats, rowCounter } from './row-stats.js';

/**
 * Rows of token ids on disk. A file is, in the machine's byte order (little-endian everywhere Node runs):
 * the rows, each `float64 id, float64 label, int32 cut, int32 tokens, int32[tokens] ids, uint8[tokens] types`, padded to 8
 * bytes · `int32[rows]` tokens of each row · the footer as JSON · `uint32` its bytes · SHA-256 of all before it.
 */
export interface TokenFile extends EncodedRows<RowList>, Disposable {
  readonly stats: RowStats;
  /** Closes the file; its rows cannot be read any more. */
  close(): void;
}

/** What rows are written with. */
export interface TokenFileFacts {
  /** Names what the rows were made from, to find them again. */
  readonly key: string;
  /** Number of classes; absent for scores. */
  readonly classes?: number;
  readonly padId: number;
}

/** Version of the layout; part of every key. */
export const TOKEN_FORMAT = 1;

const HEAD = 24;
const HASH = 32;
const BUFFER = 2 ** 20;

const Footer = z.object({
  format: z.literal(TOKEN_FORMAT),
  key: z.string(),
  padId: z.int(),
  regression: z.boolean(),
  stats: z.object({
    rows: z.int().nonnegative(),
    tokens: z.int(),
    longest: z.int(),
    truncated: z.int(),
    classes: z.array(z.int()).optional(),
  }),
});

/** Bytes of a row's record, a multiple of 8. */
const recordBytes = (tokens: number): number => Math.ceil((HEAD + 5 * tokens) / 8) * 8;

/** Writes rows as they come; the file takes its name when it is whole and on disk. */
export async function writeTokenFile(
  file: string,
  { key, classes, padId }: TokenFileFacts,
  blocks: AsyncIterable<readonly EncodedRow[]>,
): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const temporary = `${file}.${randomUUID()}.incomplete`;
  const handle = await open(temporary, 'wx');
  try {
    const output = new HashedOutput(handle);
    const counter = rowCounter(classes);
    const lengths = new Lengths();
    for await (const rows of blocks) {
      for (const row of rows) {
        counter.add(row);
        lengths.add(row.inputIds.length);
      }
      await output.write(recordsOf(rows));
    }
    await output.write(lengths.bytes());
    const footer = { format: TOKEN_FORMAT, key, padId, regression: classes === undefined, stats: counter.stats() };
    const json = Buffer.from(JSON.stringify(footer));
    const size = Buffer.alloc(4);
    size.writeUInt32LE(json.length);
    await output.write(Buffer.concat([json, size]));
    await output.end();
    await handle.sync();
    await handle.close();
    await rename(temporary, file);
  } finally {
    await handle.close().catch(() => {});
    await rm(temporary, { force: true });
  }
}

/** The records of some rows, one after the other. */
function recordsOf(rows: readonly EncodedRow[]): Uint8Array {
  const bytes = new Uint8Array(rows.reduce((sum, { inputIds }) => sum + recordBytes(inputIds.length), 0));
  const floats = new Float64Array(bytes.buffer);
  const words = new Int32Array(bytes.buffer);
  let at = 0;
  for (const { id, label, cut = 0, inputIds, tokenTypeIds } of rows) {
    floats[at / 8] = id;
    floats[at / 8 + 1] = label;
    words[at / 4 + 4] = cut;
    words[at / 4 + 5] = inputIds.length;
    words.set(inputIds, (at + HEAD) / 4);
    bytes.set(tokenTypeIds, at + HEAD + 4 * inputIds.length);
    at += recordBytes(inputIds.length);
  }
  return bytes;
}

/** Gathers small writes, and hashes all. */
class HashedOutput {
  private readonly hash = createHash('sha256');
  private parts: Uint8Array[] = [];
  private held = 0;

  constructor(private readonly handle: FileHandle) {}

  write(bytes: Uint8Array): Promise<void> | undefined {
    this.parts.push(bytes);
    this.held += bytes.length;
    return this.held >= BUFFER ? this.flush() : undefined;
  }

  /** Writes the hash of everything before it. */
  async end(): Promise<void> {
    await this.flush();
    await this.handle.writeFile(this.hash.digest());
  }

  private async flush(): Promise<void> {
    const bytes = Buffer.concat(this.parts);
    this.parts = [];
    this.held = 0;
    this.hash.update(bytes);
    await this.handle.writeFile(bytes);
  }
}

/** Numbers in an array that grows, 4 bytes each. */
class Lengths {
  private values = new Int32Array(1024);
  private count = 0;

  add(value: number): void {
    if (this.count === this.values.length) {
      const more = new Int32Array(2 * this.count);
      more.set(this.values);
      this.values = more;
    }
    this.values[this.count++] = value;
  }

  bytes(): Uint8Array {
    return new Uint8Array(this.values.buffer, 0, 4 * this.count);
  }
}

/**
 * Opens a file that `writeTokenFile` wrote for a key, after checking its hash; undefined where there is none that can be read.
 * @throws EvaluateError (`input`) where it is damaged or another key's.
 */
export async function openTokenFile(file: string, key: string): Promise<TokenFile | undefined> {
  const bad = (why: string): EvaluateError =>
    new EvaluateError('input', `${file}: expected the tokens that were written there, got ${why}; remove it`);
  const handle = await open(file).catch((error: NodeJS.ErrnoException) => {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(error.code ?? '')) return undefined;
    throw error;
  });
  if (handle === undefined) return undefined;
  await using _ = handle;
  const { size } = await handle.stat();
  if (size < HASH + 4 || !(await hashHolds(file, size))) throw bad('other bytes');
  const read = async (position: number, length: number): Promise<Buffer> =>
    (await handle.read(Buffer.alloc(length), 0, length, position)).buffer;
  const footerBytes = (await read(size - HASH - 4, 4)).readUInt32LE();
  const footerStart = size - HASH - 4 - footerBytes;
  const footer = Footer.safeParse(JSON.parse(footerStart < 0 ? '0' : String(await read(footerStart, footerBytes))));
  if (!footer.success) throw bad('another layout');
  if (footer.data.key !== key) throw bad('the tokens of other data');
  const lengths = new Int32Array(footer.data.stats.rows);
  const bytes = new Uint8Array(lengths.buffer);
  await handle.read(bytes, 0, bytes.length, footerStart - bytes.length);
  const { classes, ...stats } = footer.data.stats;
  return new RowsOnDisk(file, lengths, footer.data, { ...stats, ...(classes && { classes }) });
}

async function hashHolds(file: string, size: number): Promise<boolean> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { end: size - HASH - 1, highWaterMark: BUFFER })) hash.update(chunk);
  const stated: Buffer[] = [];
  for await (const chunk of createReadStream(file, { start: size - HASH })) stated.push(chunk);
  return hash.digest().equals(Buffer.concat(stated));
}

/** Rows for which a position in the file is kept; those between are found from their lengths. */
const STRIDE = 64;

class RowsOnDisk implements TokenFile, RowList {
  readonly length: number;
  readonly regression: boolean;
  readonly padId: number;
  readonly rows: RowList = this;
  private readonly file: number;
  private readonly starts: Float64Array;
  private open = true;

  constructor(
    file: string,
    private readonly lengths: Int32Array,
    { regression, padId }: Pick<EncodedRows, 'regression' | 'padId'>,
    readonly stats: RowStats,
  ) {
    this.length = lengths.length;
    this.regression = regression;
    this.padId = padId;
    this.starts = new Float64Array(Math.ceil(lengths.length / STRIDE));
    let position = 0;
    lengths.forEach((length, i) => {
      if (i % STRIDE === 0) this.starts[i / STRIDE] = position;
      position += recordBytes(length);
    });
    this.file = openSync(file, 'r');
  }

  tokensOf = (index: number): number => this.lengths[index]!;

  at = (index: number): EncodedRow | undefined => {
    const tokens = this.lengths[index];
    if (tokens === undefined) return undefined;
    const record = new ArrayBuffer(recordBytes(tokens));
    const bytes = new Uint8Array(record);
    const read = readSync(this.file, bytes, 0, bytes.length, this.startOf(index));
    const [cut = 0, stated] = new Int32Array(record, 16, 2);
    if (read !== bytes.length || stated !== tokens)
      throw new EvaluateError('job', 'tokens: expected the rows written before, got others; run it again');
    const [id, label] = new Float64Array(record, 0, 2) as unknown as [number, number];
    return {
      id,
      label,
      inputIds: new Int32Array(record, HEAD, tokens),
      tokenTypeIds: Int32Array.from(new Uint8Array(record, HEAD + 4 * tokens, tokens)),
      ...(cut > 0 && { cut }),
    };
  };

  *[Symbol.iterator](): IterableIterator<EncodedRow> {
    for (let i = 0; i < this.length; i++) yield this.at(i)!;
  }

  close(): void {
    if (this.open) closeSync(this.file);
    this.open = false;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  private startOf(index: number): number {
    const block = Math.floor(index / STRIDE);
    let position = this.starts[block]!;
    for (let i = block * STRIDE; i < index; i++) position += recordBytes(this.lengths[i]!);
    return position;
  }
}
