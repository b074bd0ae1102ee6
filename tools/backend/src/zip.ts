import { inflateRawSync } from 'node:zlib';

/** A file inside a ZIP archive. */
export interface ZipEntry {
  readonly name: string;
  /** Its bytes, decompressed; throws when they are damaged or more than the archive says. */
  readonly read: () => Buffer;
}

const END = 0x06054b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const END_BYTES = 22;

/** An entry may not decompress to more. */
const MAX_ENTRY_BYTES = 2 ** 26;

/** Where the central directory starts and how many entries it has (APPNOTE.TXT 4.3.16). */
function directory(zip: Buffer): { at: number; count: number } {
  for (let at = zip.length - END_BYTES; at >= Math.max(0, zip.length - END_BYTES - 0xffff); at--) {
    if (zip.readUInt32LE(at) === END) return { at: zip.readUInt32LE(at + 16), count: zip.readUInt16LE(at + 10) };
  }
  throw new Error('archive: expected a ZIP file, got no end record; download it again');
}

function content(zip: Buffer, header: number, method: number, packed: number, size: number): Buffer {
  if (zip.readUInt32LE(header) !== LOCAL) throw new Error('archive: expected a file header, got damaged bytes');
  if (size > MAX_ENTRY_BYTES) throw new Error(`archive: expected at most ${MAX_ENTRY_BYTES} bytes a file, got ${size}`);
  const start = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
  const bytes = zip.subarray(start, start + packed);
  return method === 0 ? bytes : inflateRawSync(bytes, { maxOutputLength: Math.max(1, size) });
}

/** The files of a ZIP archive, stored or deflated, without ZIP64. Throws when it is none. */
export function zipEntries(zip: Buffer): ZipEntry[] {
  let { at, count } = directory(zip);
  const entries: ZipEntry[] = [];
  for (; count > 0; count--) {
    if (zip.readUInt32LE(at) !== CENTRAL) throw new Error('archive: expected a directory entry, got damaged bytes');
    const [method, packed, size] = [zip.readUInt16LE(at + 10), zip.readUInt32LE(at + 20), zip.readUInt32LE(at + 24)];
    const [name, extra, comment] = [28, 30, 32].map((i) => zip.readUInt16LE(at + i)) as [number, number, number];
    const header = zip.readUInt32LE(at + 42);
    entries.push({
      name: zip.toString('utf8', at + 46, at + 46 + name),
      read: () => content(zip, header, method, packed, size),
    });
    at += 46 + name + extra + comment;
  }
  return entries;
}
