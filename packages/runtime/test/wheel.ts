import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

const header = (signature: number, size: number): Buffer => {
  const bytes = Buffer.alloc(size);
  bytes.writeUInt32LE(signature, 0);
  return bytes;
};

/** A ZIP archive of stored files (APPNOTE.TXT 4.3). */
function zip(files: Readonly<Record<string, Buffer>>): Buffer {
  const [local, central]: [Buffer[], Buffer[]] = [[], []];
  let at = 0;
  for (const [name, content] of Object.entries(files)) {
    const [first, entry] = [header(0x04034b50, 30), header(0x02014b50, 46)];
    for (const [bytes, base] of [
      [first, 14],
      [entry, 16],
    ] as const) {
      bytes.writeUInt32LE(crc32(content), base);
      bytes.writeUInt32LE(content.length, base + 4);
      bytes.writeUInt32LE(content.length, base + 8);
      bytes.writeUInt16LE(Buffer.byteLength(name), base + 12);
    }
    entry.writeUInt32LE(at, 42);
    local.push(first, Buffer.from(name), content);
    central.push(entry, Buffer.from(name));
    at += first.length + Buffer.byteLength(name) + content.length;
  }
  const end = header(0x06054b50, 22);
  const directory = Buffer.concat(central);
  end.writeUInt16LE(Object.keys(files).length, 8);
  end.writeUInt16LE(Object.keys(files).length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...local, directory, end]);
}

const digest = (content: Buffer): string => createHash('sha256').update(content).digest('base64url');

/** Writes a wheel with the two libraries of a provider; `record` has their digests, unless others are given. */
export async function writeWheel(
  file: string,
  version: string,
  libraries: Readonly<Record<string, Buffer>>,
  digests: Readonly<Record<string, string>> = {},
): Promise<void> {
  const files = Object.fromEntries(Object.entries(libraries).map(([k, v]) => [`onnxruntime/capi/${k}`, v]));
  const record = Object.entries(libraries)
    .map(([k, v]) => `onnxruntime/capi/${k},sha256=${digests[k] ?? digest(v)},${v.length}`)
    .join('\n');
  await writeFile(file, zip({ ...files, [`onnxruntime_gpu-${version}.dist-info/RECORD`]: Buffer.from(record) }));
}
