import type { Batch } from '@neuroprune/runtime';
import { describe, expect, it } from 'vitest';
import { rowsOfLengths } from '../test/shared.js';
import type { BatchLog } from './batch-log.js';
import type { EncodedRow } from './encode.js';
import { type Predict, type ScoreEvent, scoreTask } from './evaluate.js';
import { inPieces, rowWindows } from './row-windows.js';
import { scoreRows } from './score-rows.js';
import { tasks } from './tasks.js';

// First token of a row is 1000 · id + 1: the logits tell the row, whatever batch it is in.
const predict: Predict = async (batch) =>
  Float32Array.from({ length: 2 * batch.rows }, (_, i) => {
    const id = (batch.inputs.input_ids![Math.floor(i / 2) * batch.length]! - 1) / 1000;
    return i % 2 === 0 ? 0.5 : (id * 7) % 3;
  });

const some = (count: number): EncodedRow[] =>
  rowsOfLengths(Array.from({ length: count }, (_, i) => 1 + ((i * 37) % 41))).rows;

async function* blocksOf(rows: readonly EncodedRow[], size: number): AsyncGenerator<readonly EncodedRow[]> {
  for (let i = 0; i < rows.length; i += size) yield rows.slice(i, i + size);
}

const padId = 0;

describe('scoreRows', () => {
  it.each([
    [1, 1],
    [255, 100],
    [1000, 7],
    [3000, 3000],
  ])('scores %d rows in blocks of %d as scoreTask does', async (count, size) => {
    const rows = some(count);
    const whole = await scoreTask(tasks.sst2, predict, { rows, regression: false, padId });
    expect(await scoreRows(tasks.sst2, predict, blocksOf(rows, size), { padId })).toEqual(whole);
  });

  it('gives the model work before the last row is read, two batches at a time', async () => {
    let read = 0;
    const seen: number[] = [];
    let [running, most] = [0, 0];
    const slow = async (batch: Batch) => {
      seen.push(read);
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 2));
      running--;
      return predict(batch);
    };
    const rows = some(1500);
    const counted = async function* () {
      for await (const block of blocksOf(rows, 50)) {
        read += block.length;
        yield block;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    };
    const events: ScoreEvent[] = [];
    await scoreRows(tasks.sst2, slow, counted(), { padId, onEvent: (event) => events.push(event) });
    expect(seen[0]).toBeLessThan(1500);
    expect(most).toBe(2);
    expect(events.at(-1)).toMatchObject({ done: 1500, total: 1500 });
    expect(events.every(({ total }) => total === 1500)).toBe(true);
  });

  it('predicts rows without labels only, and refuses some of both', async () => {
    const rows = some(5);
    const none = rows.map((row) => ({ ...row, label: Number.NaN }));
    const scored = await scoreRows(tasks.sst2, predict, blocksOf(none, 5), { padId });
    expect([scored.metrics, scored.predictions.length]).toEqual([{}, 5]);
    await expect(
      scoreRows(tasks.sst2, predict, blocksOf([...none.slice(0, 2), ...rows], 9), { padId }),
    ).rejects.toMatchObject({ kind: 'input', message: expect.stringMatching(/got 2 of 7 without/) });
  });

  it('takes batches from the log and adds the others', async () => {
    const kept = new Map<string, readonly (readonly number[])[]>();
    const log = (): BatchLog => ({
      find: (rows) => kept.get(String(rows)),
      add: async (rows, logits) => void kept.set(String(rows), logits),
      [Symbol.asyncDispose]: async () => {},
    });
    const rows = some(300);
    const first = await scoreRows(tasks.sst2, predict, blocksOf(rows, 300), { padId, log: log() });
    expect(kept.size).toBe(10); // 8 batches of the first 256 rows, 2 of the other 44
    for (const key of [...kept.keys()].slice(4, 7)) kept.delete(key);
    let calls = 0;
    const again: Predict = (batch) => {
      calls++;
      return predict(batch);
    };
    expect(await scoreRows(tasks.sst2, again, blocksOf(rows, 300), { padId, log: log() })).toEqual(first);
    expect(calls).toBe(3);
  });

  it('stops by the signal, and tells what rows or model throw', async () => {
    const stopped = { padId, signal: AbortSignal.abort(new Error('enough')) };
    await expect(scoreRows(tasks.sst2, predict, blocksOf(some(9), 3), stopped)).rejects.toThrow('enough');
    const bad: Predict = async () => Float32Array.of(Number.NaN, 0);
    await expect(scoreRows(tasks.sst2, bad, blocksOf(some(1), 1), { padId })).rejects.toThrow(/finite logits/);
    const rows = async function* () {
      yield some(1);
      throw new Error('row 2');
    };
    await expect(scoreRows(tasks.sst2, predict, rows(), { padId })).rejects.toThrow('row 2');
  });
});

it('windows double from 256 rows to 4096 and hold every row once, whatever the blocks', async () => {
  const sizes = async (size: number) => {
    const found: number[][] = [];
    for await (const { first, rows } of rowWindows(blocksOf(some(9000), size))) {
      expect(rows[0]!.id).toBe(first);
      found.push([first, rows.length]);
    }
    return found;
  };
  const expected = [
    [0, 256],
    [256, 512],
    [768, 1024],
    [1792, 2048],
    [3840, 4096],
    [7936, 1064],
  ];
  expect(await sizes(9000)).toEqual(expected);
  expect(await sizes(113)).toEqual(expected);
});

it('pieces have 256 rows and number them as before', async () => {
  const rows = Array.from({ length: 600 }, (_, i) => ({ i }));
  const found: number[][] = [];
  const blocks = async function* () {
    yield { file: 'f', first: 11, rows };
  };
  for await (const piece of inPieces(blocks())) found.push([piece.first, piece.rows.length]);
  expect(found).toEqual([
    [11, 256],
    [267, 256],
    [523, 88],
  ]);
});
