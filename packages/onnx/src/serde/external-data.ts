/** Tensors in a file beside the model (onnx/docs/ExternalData.md). Locations come from the file and are not trusted. */
import { closeSync, constants, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import path from 'node:path';
import type { DType } from '../dtype.js';
import { OnnxError } from '../errors.js';
import type { Tensor, TensorData } from '../tensor.js';
import { MAX_EAGER_BYTES, MAX_EXTERNAL_BYTES, MAX_EXTERNAL_FILES, MIN_LAZY_BYTES } from './limits.js';

/** Where a tensor's bytes lie. */
export interface ExternalEntry {
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

const fail = (location: string, expected: string, got: string): OnnxError =>
  new OnnxError(`external data '${location}': expected ${expected}, got ${got}`);

function resolveLocation(folder: string, location: string): string {
  const parts = location.split('/');
  if (location === '' || /[\\\0:]/.test(location) || parts.some((p) => p === '' || p === '..' || p === '.')) {
    throw fail(location, "a relative path inside the model's folder", 'one that is not');
  }
  return path.join(folder, ...parts);
}

/** Like `resolveLocation`, with the folders on the way resolved too: none of them may be a link out. */
export function insideFolder(folder: string, location: string): string {
  const full = resolveLocation(folder, location);
  const parent = realpathSync(path.dirname(full));
  const inside = path.relative(realpathSync(folder), parent);
  if (inside.split(path.sep)[0] === '..' || path.isAbsolute(inside)) {
    throw fail(location, "a file inside the model's folder", 'a link out of it');
  }
  return path.join(parent, path.basename(full));
}

/**
 * The folder `blobs` of the Hub cache that a folder is a snapshot of (`<repository>/snapshots/<revision>/…`): the files of
 * a snapshot are links into it, and it holds files of that repository only. Undefined elsewhere.
 */
function blobsOf(folder: string): string | undefined {
  const parts = realpathSync(folder).split(path.sep);
  const at = parts.lastIndexOf('snapshots');
  return at > 0 && at < parts.length - 1 ? [...parts.slice(0, at), 'blobs'].join(path.sep) : undefined;
}

/** What a link of the last part leads to, when that is a file of the same Hub cache. */
function cachedFile(folder: string, full: string, location: string): string {
  const target = realpathSync(full);
  if (path.dirname(target) !== blobsOf(folder)) {
    throw fail(location, 'a file beside the model (or a link of a Hub cache to its own blobs)', 'a symbolic link');
  }
  return target;
}

/** O_NOFOLLOW refuses a link in the last part, O_NONBLOCK does not wait for a pipe; both are absent on Windows. */
const openPlain = (file: string): number =>
  openSync(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));

function openInside(folder: string, location: string): number {
  try {
    const full = insideFolder(folder, location);
    try {
      return openPlain(full);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ELOOP') throw cause;
      return openPlain(cachedFile(folder, full, location));
    }
  } catch (cause) {
    if (cause instanceof OnnxError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code;
    const got = code === 'ENOENT' ? 'none' : (cause as Error).message;
    throw new OnnxError(`external data '${location}': expected a file beside the model, got ${got}`, 'input', {
      cause,
    });
  }
}

/** Files of models that are gone. */
const abandoned = new FinalizationRegistry<number>((fd) => closeSync(fd));

/** Bytes read at once when a tensor is copied from file to file. */
const CHUNK = 2 ** 22;

/** An open file of external data. It stays the same file even when its name is given to another one. */
class DataFile {
  readonly size: number;
  private isNeeded = false;

  constructor(
    readonly location: string,
    private readonly fd: number,
  ) {
    const stat = fstatSync(fd);
    this.size = stat.size;
    if (!stat.isFile()) throw fail(location, 'a regular file', 'something else');
    if (stat.nlink > 1) throw fail(location, 'a file with one name', `a hard link with ${stat.nlink}`);
  }

  /** The bytes of a range, which lies inside the file, in an array of their own. */
  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.fill(bytes, offset);
    return bytes;
  }

  /** The same bytes in pieces, each of which is good until the next one only. */
  *chunks(offset: number, length: number): Generator<Uint8Array> {
    const buffer = new Uint8Array(Math.min(CHUNK, length));
    for (let at = 0; at < length; at += CHUNK) {
      const chunk = buffer.subarray(0, length - at);
      this.fill(chunk, offset + at);
      yield chunk;
    }
  }

  private fill(bytes: Uint8Array, offset: number): void {
    const { length } = bytes;
    for (let at = 0; at < length; ) {
      const got = readSync(this.fd, bytes, at, Math.min(length - at, 2 ** 30), offset + at);
      if (got === 0) throw fail(this.location, `${length} bytes`, `${at}; the file became shorter`);
      at += got;
    }
  }

  /** Leaves the file open for as long as a tensor refers to it. */
  keep(): void {
    if (!this.isNeeded) abandoned.register(this, this.fd, this);
    this.isNeeded = true;
  }

  /** Closes the file unless tensors need it. */
  release(): void {
    if (!this.isNeeded) closeSync(this.fd);
  }

  /** Closes the file in any case. */
  close(): void {
    abandoned.unregister(this);
    closeSync(this.fd);
  }
}

/** How the bytes of a tensor that lies in a file are got without keeping them. */
export interface ExternalSource {
  /** Each piece is good until the next one only. */
  readonly chunks: () => Iterable<Uint8Array>;
}

const sources = new WeakMap<object, ExternalSource>();

/** Where a tensor's bytes come from when they lie in a file. */
export const externalSource = (tensor: Tensor): ExternalSource | undefined => sources.get(tensor);

/** Reads the external tensors of one model. Large ones stay in their file until their data is asked for. */
export class ExternalReader {
  private readonly files = new Map<string, DataFile>();
  private total = 0;
  private eager = 0;
  /** The data read last, so that loops over one tensor read it once. */
  private latest: { readonly tensor: Tensor; readonly data: TensorData } | undefined;

  /** `folder` undefined: the model came as bytes, and external data is refused. */
  constructor(private readonly folder: string | undefined) {}

  /** A tensor whose bytes lie at `entry`; `decode` makes its data of them. */
  tensor(dtype: DType, dims: readonly number[], entry: ExternalEntry, decode: (own: Uint8Array) => TensorData): Tensor {
    const { offset, length } = entry;
    const file = this.fileOf(entry);
    if (length < MIN_LAZY_BYTES && this.eager + length <= MAX_EAGER_BYTES) {
      this.eager += length;
      return { dtype, dims, data: decode(file.read(offset, length)) } as Tensor;
    }
    file.keep();
    const read = (tensor: Tensor): TensorData => {
      if (this.latest?.tensor !== tensor) this.latest = { tensor, data: decode(file.read(offset, length)) };
      return this.latest.data;
    };
    const tensor = {
      dtype,
      dims,
      get data() {
        return read(tensor);
      },
    } as Tensor;
    sources.set(tensor, { chunks: () => file.chunks(offset, length) });
    return tensor;
  }

  /** Closes the files that no tensor needs; all of them when the model could not be read. */
  finish(isRead: boolean): void {
    for (const file of this.files.values()) {
      if (isRead) file.release();
      else file.close();
    }
    this.files.clear();
  }

  private fileOf({ location, offset, length }: ExternalEntry): DataFile {
    const file = this.open(location);
    if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset + length > file.size) {
      throw fail(location, `a range inside its ${file.size} bytes`, `${offset} + ${length}`);
    }
    this.total += length;
    if (this.total > MAX_EXTERNAL_BYTES) throw fail(location, `at most ${MAX_EXTERNAL_BYTES} bytes a model`, 'more');
    return file;
  }

  private open(location: string): DataFile {
    const known = this.files.get(location);
    if (known) return known;
    if (this.folder === undefined) {
      throw new OnnxError(
        `external data '${location}': expected the file's path, got a model as bytes; pass its path to readModel, or {externalData}`,
      );
    }
    if (this.files.size === MAX_EXTERNAL_FILES) throw fail(location, `at most ${MAX_EXTERNAL_FILES} files`, 'more');
    const fd = openInside(this.folder, location);
    try {
      const file = new DataFile(location, fd);
      this.files.set(location, file);
      return file;
    } catch (cause) {
      closeSync(fd);
      throw cause;
    }
  }
}
