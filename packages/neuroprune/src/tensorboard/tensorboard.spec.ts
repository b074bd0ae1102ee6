import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { LogEvent } from '@neuroprune/report';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { EventLog } from '../stages/event-log.js';
import { crc32c } from './crc32c.js';
import { TENSORBOARD, tensorBoard } from './event-files.js';
import { readRecords, recordOf } from './record.js';

const fixture = path.resolve(import.meta.dirname, '../../fixtures/tensorboard');

/** What the reader of TensorBoard itself found in the bytes of `log.ndjson`, with the bytes (tools/golden/read_tensorboard.py). */
interface Golden {
  readonly tensorboard: string;
  readonly files: Readonly<Record<string, string>>;
  readonly scalars: Readonly<
    Record<string, Readonly<Record<string, readonly (readonly [step: number, value: number | null, time: number])[]>>>
  >;
}

let folder = '';
let golden: Golden;
let log: LogEvent[];
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'tensorboard-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  golden = JSON.parse(await readFile(path.join(fixture, 'golden.json'), 'utf8'));
  const lines = (await readFile(path.join(fixture, 'log.ndjson'), 'utf8')).trim().split('\n');
  log = lines.map((line) => JSON.parse(line));
});

/** The event files of a run, in the order of their names, and their bytes. */
async function bytesOf(run: string): Promise<Buffer[]> {
  const place = path.join(folder, TENSORBOARD, run);
  const names = (await readdir(place)).sort();
  return Promise.all(names.map((name) => readFile(path.join(place, name))));
}

/** Writes events as a run that is not stopped does. */
function write(events: readonly LogEvent[]): void {
  const kept = new EventLog();
  kept.follow(tensorBoard());
  kept.open(folder);
  for (const event of events) kept.write(event);
}

interface Point {
  readonly step: number;
  readonly time: number;
  readonly values: Readonly<Record<string, number>>;
}

/** Reads what the writer writes, field by field, and nothing else. */
function parseEvent(bytes: Uint8Array): Partial<Point> & { version?: string; start?: true } {
  const event: { step?: number; time?: number; values: Record<string, number>; version?: string; start?: true } = {
    values: {},
  };
  for (const { field, value } of fieldsOf(bytes)) {
    if (field === 1) event.time = value as number;
    if (field === 2) event.step = value as number;
    if (field === 3) event.version = Buffer.from(value as Uint8Array).toString();
    if (field === 7) event.start = true;
    if (field !== 5) continue;
    for (const { value: entry } of fieldsOf(value as Uint8Array)) {
      const [tag, number] = fieldsOf(entry as Uint8Array).map((part) => part.value);
      event.values[Buffer.from(tag as Uint8Array).toString()] = number as number;
    }
  }
  return event;
}

function fieldsOf(bytes: Uint8Array): { field: number; value: number | Uint8Array }[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const varint = (): number => {
    let [value, scale] = [0, 1];
    for (; ; scale *= 128) {
      const byte = bytes[at++] as number;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const found: { field: number; value: number | Uint8Array }[] = [];
  while (at < bytes.length) {
    const key = varint();
    const [field, wire] = [key >> 3, key & 7];
    if (wire === 0) found.push({ field, value: varint() });
    else if (wire === 1) {
      found.push({ field, value: view.getFloat64(at, true) });
      at += 8;
    } else if (wire === 5) {
      found.push({ field, value: view.getFloat32(at, true) });
      at += 4;
    } else {
      const size = varint();
      found.push({ field, value: bytes.subarray(at, at + size) });
      at += size;
    }
  }
  return found;
}

const pointsIn = (file: Uint8Array) => readRecords(file).map(parseEvent).slice(2) as Point[];

test.each([
  ['', 0],
  ['123456789', 0xe3069283], // the check value of CRC-32C
  ['\0'.repeat(32), 0x8a9136aa], // RFC 3720, appendix B.4
])('CRC-32C of %j', (text, sum) => {
  expect(crc32c(Buffer.from(text, 'latin1'))).toBe(sum);
});

test('the bytes are those that the reader of TensorBoard was given', async () => {
  write(log);
  for (const [run, bytes] of Object.entries(golden.files)) {
    expect(
      (await bytesOf(run)).map((file) => file.toString('base64')),
      run,
    ).toEqual([bytes]);
  }
  expect(Object.keys(golden.files)).toEqual(['baseline', 'train']);
});

test.each(['train', 'baseline'])(
  'it found every number that we find in them, under the same tag, step and time: %s',
  async (run) => {
    const points = pointsIn(Buffer.from(golden.files[run] as string, 'base64'));
    const found: Record<string, [number, number | null, number][]> = {};
    for (const { step, time, values } of points) {
      for (const [tag, value] of Object.entries(values)) {
        found[tag] ??= [];
        found[tag].push([step, Number.isFinite(value) ? value : null, time]);
      }
    }
    expect(found).toEqual(golden.scalars[run]);
  },
);

test('they are the numbers of the log', async () => {
  write(log);
  const [file] = await bytesOf('train');
  const steps = log.filter((event) => event.type === 'train' && event.run === undefined);
  const losses = pointsIn(file as Buffer).filter(({ values }) => 'train/loss' in values);
  expect(losses.map(({ step }) => step)).toEqual(steps.map((event) => 'step' in event && event.step));
  expect(losses[0]?.values['train/penalty.mlp']).toBe(Math.fround(0.125));
  expect(pointsIn(file as Buffer).at(-1)?.values).toEqual({ 'evaluation/accuracy': Math.fround(0.75) });
});

describe('a file of records', () => {
  test('is refused where any one byte is another, or the end is missing', async () => {
    const file = Buffer.concat([recordOf(Buffer.from('one')), recordOf(Buffer.from('another'))]);
    expect(readRecords(file).map(String)).toEqual(['one', 'another']);
    for (let i = 0; i < file.length; i++) {
      const broken = Buffer.from(file);
      broken[i] = (broken[i] as number) ^ 1;
      expect(() => readRecords(broken), `byte ${i}`).toThrow(/^records: expected a whole record/);
    }
    for (let size = 1; size < file.length; size++) {
      if (size !== 19) expect(() => readRecords(file.subarray(0, size)), `${size} bytes`).toThrow('cut short');
    }
  });
});

test('a run that goes on has each step once, in one file that says where it starts', async () => {
  const lines = log.map((event) => `${JSON.stringify(event)}\n`);
  const half = Math.floor(log.length / 2);
  write(log); // and further than the checkpoint
  const bytes = Buffer.byteLength(lines.slice(0, half).join(''));
  const again = new EventLog();
  again.follow(tensorBoard());
  again.resume(folder, bytes);
  for (const event of log.slice(half)) again.write(event);
  for (const run of ['train', 'baseline']) {
    const files = await bytesOf(run);
    expect(files).toHaveLength(1);
    expect(files[0]?.toString('base64'), run).toBe(golden.files[run]);
  }
  expect(
    readRecords((await bytesOf('train'))[0] as Buffer)
      .map(parseEvent)
      .slice(0, 2),
  ).toMatchObject([{ version: 'brain.Event:2' }, { start: true }]);
});

test('a folder of another program beside them stays as it was', async () => {
  write(log.slice(0, 2));
  const other = path.join(folder, TENSORBOARD, 'baseline', 'notes.txt');
  await writeFile(other, 'mine');
  write(log.slice(0, 2));
  expect(await readFile(other, 'utf8')).toBe('mine');
});
