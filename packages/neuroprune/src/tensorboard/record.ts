import { NeuropruneError } from '../error.js';
import { maskedCrc } from './crc32c.js';

/** Bytes of a record's length (uint64) and of a sum (uint32). */
const [LENGTH, SUM] = [8, 4];

/** One record of a TFRecord file, little endian: length, its sum, the bytes, their sum. */
export function recordOf(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(LENGTH + SUM + data.length + SUM);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(LENGTH, maskedCrc(record.subarray(0, LENGTH)), true);
  record.set(data, LENGTH + SUM);
  view.setUint32(LENGTH + SUM + data.length, maskedCrc(data), true);
  return record;
}

/** The records of a file. Throws a job error where one is cut short or a sum does not hold. */
export function readRecords(file: Uint8Array): Uint8Array[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const records: Uint8Array[] = [];
  const fail = (at: number, got: string): never => {
    throw new NeuropruneError('job', `records: expected a whole record, got ${got} (byte ${at})`);
  };
  for (let at = 0; at < file.length; ) {
    const data = at + LENGTH + SUM;
    if (data > file.length) fail(at, 'one cut short');
    if (view.getUint32(at + LENGTH, true) !== maskedCrc(file.subarray(at, at + LENGTH)))
      fail(at, 'another sum of its length');
    const end = data + Number(view.getBigUint64(at, true));
    if (end + SUM > file.length) fail(at, 'one cut short');
    const bytes = file.subarray(data, end);
    if (view.getUint32(end, true) !== maskedCrc(bytes)) fail(at, 'another sum');
    records.push(bytes);
    at = end + SUM;
  }
  return records;
}
