import { float32 } from '@neuroprune/onnx';
import { expect, test } from 'vitest';
import type { DataBlock, EncodedRow } from './encode.js';
import type { FoundTextTask } from './text-rows.js';
import { textTasks } from './text-tasks.js';
import type { TokenFile } from './token-file.js';
import type { TextTokenizer } from './tokenize.js';
import { padTexts, writingBatches, writingEvaluationBatches } from './writing-batches.js';
import { writingLoss } from './writing-loss.js';
import { encodeTexts, pairsOf, someTexts, type WritingRows, windowsOf } from './writing-rows.js';

const ids = (...values: number[]) => Int32Array.of(...values);

/** A token a letter, by its place in the alphabet, and 1 at the end. */
const letters: TextTokenizer = {
  encode: (text, _, maxLength) => {
    const all = [...text].map((letter) => 10 + letter.charCodeAt(0) - 97);
    const kept = all.slice(0, maxLength - 1);
    const cut = all.length - kept.length;
    const inputIds = ids(...kept, 1);
    return { inputIds, tokenTypeIds: new Int32Array(inputIds.length), ...(cut > 0 && { cut }) };
  },
  decode: () => '',
  padId: 0,
  maxLength: 100,
};

async function* blocks(...rows: Record<string, unknown>[]): AsyncGenerator<DataBlock> {
  for (const [i, row] of rows.entries()) yield { file: 'a.parquet', first: i + 1, rows: [row] };
}

async function encoded(...given: Parameters<typeof encodeTexts>): Promise<EncodedRow[]> {
  const rows: EncodedRow[] = [];
  for await (const part of encodeTexts(...given)) rows.push(...part);
  return rows;
}

const file = (rows: readonly EncodedRow[]) => ({ rows, padId: 0, regression: true }) as unknown as TokenFile;
const translation: FoundTextTask = { ...textTasks.translation, layout: { source: 'de', references: ['en'] } };
const stories: FoundTextTask = { ...textTasks.perplexity, layout: { source: 'text', references: [] } };

test('sources with what stands around them, and targets; each is cut to the length', async () => {
  const options = { maxLength: 5, prefix: 'z' };
  const rows = await encoded(
    letters,
    blocks({ de: 'ab', en: 'c' }, { de: 'abcdef', en: 'abcde' }),
    translation,
    options,
  );
  const pairs = pairsOf(file(rows), 7);
  expect([...pairs.rows]).toEqual([
    { input: ids(35, 10, 11, 1), target: ids(12, 1) },
    { input: ids(35, 10, 11, 12, 1), target: ids(10, 11, 12, 13, 1) },
  ]);
  expect(pairs.sizesOf(0)).toEqual([4, 2]);
});

test('a source without a target is no row to learn from', async () => {
  await expect(encoded(letters, blocks({ de: 'ab', en: null }), translation, { maxLength: 5 })).rejects.toThrow(
    'translation: expected a reference to learn from, got none (row 0)',
  );
});

test('texts one after another, cut into windows; a last token alone is nothing to predict', async () => {
  const rows = await encoded(letters, blocks({ text: 'ab' }, { text: '' }, { text: 'cde' }), stories, { maxLength: 3 });
  const all = [10, 11, 1, 1, 12, 13, 14, 1];
  const windows = (length: number) => [...windowsOf(file(rows), length).rows].map(({ input }) => [...input]);
  expect(windows(3)).toEqual([all.slice(0, 3), all.slice(3, 6), all.slice(6)]);
  expect(windows(7)).toEqual([all.slice(0, 7)]);
  expect(windows(8)).toEqual([all]);
  expect(windowsOf(file(rows), 3).sizesOf(2)).toEqual([2, 0]);
});

test('a target is the labels, and behind the start the decoder’s input; fillers count nothing', () => {
  const batch = padTexts([{ input: ids(5, 6), target: ids(8, 9, 1) }], { padId: 0, startId: 7 }, 2, [3, 4]);
  expect(batch).toMatchObject({ rows: 2, length: 3, lengths: { decoder_sequence: 4 }, tokens: 5 });
  expect([...batch.inputs.input_ids!]).toEqual([5, 6, 0, 5, 6, 0]);
  expect([...batch.inputs.attention_mask!]).toEqual([1, 1, 0, 1, 1, 0]);
  expect([...batch.inputs.decoder_input_ids!]).toEqual([7, 8, 9, 1, 7, 8, 9, 1]);
  expect([...batch.labels]).toEqual([8, 9, 1, -100, 8, 9, 1, -100]);
  expect([...batch.weights]).toEqual([1, 0]);
});

test('a text is its own labels, but for its first token and padding', () => {
  const batch = padTexts([{ input: ids(5, 6, 7) }], { padId: 0 }, 1, [4, 0]);
  expect([...batch.labels]).toEqual([-100, 6, 7, -100]);
  expect(Object.keys(batch.inputs)).toEqual(['input_ids', 'attention_mask']);
  expect(batch.lengths).toBeUndefined();
});

/** Pairs of some sizes whose first tokens tell which they are. */
function pairs(sizes: readonly (readonly [number, number])[]): WritingRows {
  const row = (i: number, length: number) => new Int32Array(length).fill(100 + i);
  const rows = sizes.map(([input, target], i) => ({ input: row(i, input), target: row(i, target) }));
  return { rows, sizesOf: (i) => sizes[i]!, sourceOf: (i) => i, padId: 0, startId: 7 };
}

test('an epoch has every row once, in batches of like size on both sides, in another order each time', () => {
  const sizes = Array.from({ length: 2003 }, (_, i) => [4 + ((37 * i) % 60), 3 + ((53 * i) % 40)] as const);
  const set = pairs(sizes);
  const epoch = (n: number) => [...writingBatches(set, { batchSize: 8, seed: 1, epoch: n })];
  const [first, again, second] = [epoch(0), epoch(0), epoch(1)];
  const numbers = (list: typeof first) => list.flatMap((batch) => batch.numbers ?? []);
  expect(numbers(first).toSorted((a, b) => a - b)).toEqual(sizes.map((_, i) => i));
  expect(numbers(again)).toEqual(numbers(first));
  expect(numbers(second)).not.toEqual(numbers(first));
  expect(first).toHaveLength(251);
  expect(first.filter(({ weights }) => weights.includes(0))).toHaveLength(1);
  const computed = first.reduce((sum, b) => sum + b.rows * (b.length + b.lengths!.decoder_sequence!), 0);
  const byInputs = sizes.toSorted(([a], [b]) => a - b);
  const longest = (part: typeof sizes, side: 0 | 1) => Math.max(...part.map((size) => size[side]));
  const parts = byInputs.flatMap((_, i) => (i % 8 === 0 ? [byInputs.slice(i, i + 8)] : []));
  const alone = parts.reduce((sum, part) => sum + 8 * (longest(part, 0) + longest(part, 1)), 0);
  expect(computed).toBeLessThan(0.95 * alone);
});

test('scoring goes from short to long, without fillers; a view has the rows it names', () => {
  const set = someTexts(
    pairs([
      [5, 1],
      [3, 9],
      [3, 2],
      [8, 8],
    ]),
    ids(0, 1, 2),
  );
  const batches = [...writingEvaluationBatches(set, 2)];
  expect(batches.map(({ rows, length, lengths }) => [rows, length, lengths!.decoder_sequence])).toEqual([
    [2, 3, 9],
    [1, 5, 1],
  ]);
  expect([...batches[0]!.inputs.input_ids!]).toEqual([102, 102, 102, 101, 101, 101]);
  expect(set.sourceOf(2)).toBe(2);
});

test('the loss is the mean over labelled tokens; a text by itself is predicted one token earlier', async () => {
  const logits = (tokens: number) =>
    float32(
      Float32Array.from({ length: tokens * 2 }, (_, i) => (i % 2) * (1 + (i >> 1))),
      [1, tokens, 2],
    );
  const nll = (at: number, label: number) => Math.log(1 + Math.exp(1 + at)) - label * (1 + at);
  const pair = padTexts([{ input: ids(1), target: ids(1, 0) }], { padId: 0, startId: 0 }, 1, [1, 3]);
  const run = async () => logits(3);
  const read = await writingLoss(run, [pair]);
  expect(read.loss).toBeCloseTo((nll(0, 1) + nll(1, 0)) / 2, 6);
  expect(read).toMatchObject({ examples: 1, tokens: 2 });
  const text = padTexts([{ input: ids(0, 1, 0) }], { padId: 0 }, 1, [3, 0]);
  const { loss, perplexity, tokens } = await writingLoss(run, [text, text]);
  expect(loss).toBeCloseTo((nll(0, 1) + nll(1, 0)) / 2, 6);
  expect([perplexity, tokens]).toEqual([Math.exp(loss), 4]);
});
