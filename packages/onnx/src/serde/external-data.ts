/** Tensors in a file beside the model (onnx/docs/ExternalData.md). Locations come from the file and are not trusted. */
import { closeSync, constants, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { OnnxError } from '../errors.js';
import { writeFileAtomic } from './files.js';
import { EXTERNAL_ALIGNMENT, MAX_EXTERNAL_BYTES } from './limits.js';

/** Where a tensor's bytes lie. */
export interface ExternalEntry {
  readonly location: string;
  readonly offset: number;
  /** Bytes; undefined is up to the end of the file. */
  readonly length: number | undefined;
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

function openInside(folder: string, location: string): number {
  try {
    // O_NOFOLLOW refuses a link in the last part; it is absent on Windows.
    return openSync(insideFolder(folder, location), constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  } catch (cause) {
    if (cause instanceof OnnxError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code;
    const got = code === 'ELOOP' ? 'a symbolic link' : code === 'ENOENT' ? 'none' : (cause as Error).message;
    throw new OnnxError(`external data '${location}': expected a file beside the model, got ${got}`, 'input', {
      cause,
    });
  }
}

/** Reads tensors from the files beside a model; `close` it after use. */
export class ExternalReader {
  private readonly files = new Map<string, { readonly fd: number; readonly size: number }>();
  private total = 0;

  /** `folder` undefined: the model came as bytes, and external data is refused. */
  constructor(private readonly folder: string | undefined) {}

  /** The bytes of one tensor in an array of their own. */
  read({ location, offset, length }: ExternalEntry): Uint8Array {
    const { fd, size } = this.open(location);
    const count = length ?? size - offset;
    const fits = Number.isSafeInteger(offset) && Number.isSafeInteger(count) && offset >= 0 && count >= 0;
    if (!fits || offset + count > size) {
      throw fail(location, `a range inside its ${size} bytes`, `${offset} + ${count}`);
    }
    this.total += count;
    if (this.total > MAX_EXTERNAL_BYTES) throw fail(location, `at most ${MAX_EXTERNAL_BYTES} bytes a model`, 'more');
    const bytes = new Uint8Array(count);
    for (let at = 0; at < count; ) {
      const got = readSync(fd, bytes, at, Math.min(count - at, 2 ** 30), offset + at);
      if (got === 0) throw fail(location, `${count} bytes`, `${at}; the file became shorter`);
      at += got;
    }
    return bytes;
  }

  /** Closes all files. */
  close(): void {
    for (const { fd } of this.files.values()) closeSync(fd);
    this.files.clear();
  }

  private open(location: string): { readonly fd: number; readonly size: number } {
    const known = this.files.get(location);
    if (known) return known;
    if (this.folder === undefined) {
      throw new OnnxError(
        `external data '${location}': expected the file's path, got a model as bytes; pass its path to readModel, or {externalData}`,
      );
    }
    const fd = openInside(this.folder, location);
    const stat = fstatSync(fd);
    const file = { fd, size: stat.size };
    this.files.set(location, file);
    if (!stat.isFile()) throw fail(location, 'a regular file', 'something else');
    if (stat.nlink > 1) throw fail(location, 'a file with one name', `a hard link with ${stat.nlink}`);
    return file;
  }
}

/** Collects tensors for one file beside the model. */
export class ExternalWriter {
  private readonly chunks: Uint8Array[] = [];
  private size = 0;

  constructor(readonly location: string) {}

  /** Takes a tensor's bytes and says where they will lie. */
  put(bytes: Uint8Array): ExternalEntry {
    const gap = (EXTERNAL_ALIGNMENT - (this.size % EXTERNAL_ALIGNMENT)) % EXTERNAL_ALIGNMENT;
    if (gap > 0) this.chunks.push(new Uint8Array(gap));
    const offset = this.size + gap;
    this.chunks.push(bytes);
    this.size = offset + bytes.length;
    return { location: this.location, offset, length: bytes.length };
  }

  /** Writes the file, whole or not at all. */
  write(file: string): void {
    writeFileAtomic(file, this.chunks);
  }
}
