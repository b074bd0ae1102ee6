import { expect, it } from 'vitest';
import { generatorFolder, historyModel, randomHistory, readingModel, sourceModel } from '../test/history-model.js';
import { temporaryFolder } from '../test/shared.js';
import { openBatchLog } from './batch-log.js';
import {
  likelihoodWindows,
  loadLikelihoodModel,
  perplexityOf,
  scoreLikelihoods,
  type TokenWindow,
} from './likelihood.js';
import { stream } from './random.js';
import type { TextTokenizer } from './tokenize.js';

const below = stream(3);
const history = randomHistory(7, () => below(2 ** 24) / 2 ** 24);
const folder = () => generatorFolder({ model: historyModel(history) });

/** Digits as tokens, after a token 0. */
const tokenizer: TextTokenizer = {
  encode: (text) => {
    const ids = [0, ...Array.from(text.replaceAll('\n', '6'), Number)];
    return { inputIds: Int32Array.from(ids), tokenTypeIds: new Int32Array(ids.length) };
  },
  decode: (ids) => Array.from(ids).join(''),
  padId: 0,
  maxLength: Number.POSITIVE_INFINITY,
};
const rows = ['1234', '', '21', '5', '1231231'].map((source, id) => ({ id, source, references: [] }));

/** The sum that a window's tokens give by the model's own rule, in which every place knows the sum of all that count. */
function expected({ tokens, scored }: Pick<TokenWindow, 'tokens' | 'scored'>): number {
  const all = tokens.reduce((a, b) => a + b, 0);
  let sum = 0;
  for (let at = tokens.length - scored; at < tokens.length; at++) {
    const row = history.table[tokens[at - 1]!]!;
    const scores = row.map((x, i) => x + all * history.tokens[i]! + (at - 1) * history.positions[i]!);
    sum += Math.log(scores.reduce((total, x) => total + Math.exp(x), 0)) - scores[tokens[at]!]!;
  }
  return sum;
}

it.each([
  ['rows', 8, 4, [4, 2, 1, 7]],
  ['rows', 4, 2, [4, 2, 1, 7]],
  ['joined', 8, 8, undefined],
  ['joined', 5, 2, undefined],
] as const)(
  '%s, windows of %i every %i: each token once, by what its window has before it',
  async (documents, maxLength, stride, tokens) => {
    const windows = likelihoodWindows({ documents }, rows, tokenizer, { maxLength, stride });
    await using model = await loadLikelihoodModel(await folder(), { threads: 1 });
    const task = { name: 'perplexity', documents };
    for (const batchSize of [1, 3, 64]) {
      const predictions = await scoreLikelihoods(task, windows, model.score, { split: 'test', batchSize });
      const total = predictions.reduce((sum, { nll }) => sum + nll, 0);
      const count = predictions.reduce((sum, row) => sum + row.tokens, 0);
      expect(total).toBeCloseTo(
        windows.reduce((sum, window) => sum + expected(window), 0),
        4,
      );
      if (tokens) expect(predictions.map((row) => row.tokens)).toEqual(tokens);
      else expect(predictions.map(({ id }) => id)).toEqual(windows.map((_, i) => i));
      const { metrics, signatures } = perplexityOf(predictions, { documents, maxLength, stride });
      expect(metrics.perplexity).toBeCloseTo(Math.exp(total / count), 10);
      expect(signatures.perplexity).toMatch(`texts:${documents}|window:${maxLength}|stride:${stride}|`);
    }
    // Without overlap the first token of each later window is not predicted.
    const all = windows.reduce((sum, { scored }) => sum + scored, 0);
    const whole = documents === 'rows' ? 14 : 14 + 2 * (rows.length - 1);
    expect(all).toBe(stride < maxLength ? whole : whole - (windows.length - 1));
  },
);

it('windows that a log holds are not asked for again', async () => {
  const windows = likelihoodWindows({ documents: 'rows' }, rows, tokenizer, { maxLength: 8, stride: 4 });
  const file = `${await temporaryFolder()}/log.ndjson`;
  const task = { name: 'perplexity', documents: 'rows' } as const;
  let asked = 0;
  const score = async (given: readonly TokenWindow[]): Promise<number[]> => {
    asked += given.length;
    return given.map(({ tokens }) => Math.fround(tokens.length / 3));
  };
  const run = async () => {
    await using log = await openBatchLog(file, 'key', { resume: true });
    return await scoreLikelihoods(task, windows, score, { split: 'test', batchSize: 2, log });
  };
  const first = await run();
  expect(await run()).toEqual(first);
  expect(asked).toBe(windows.length);
});

it('refuses models that read a source, and logits that are no numbers', async () => {
  const seq2seq = await generatorFolder({
    encoder_model: sourceModel(history),
    decoder_model_merged: readingModel(history),
  });
  await expect(loadLikelihoodModel(seq2seq, { threads: 1 })).rejects.toThrow(/expected one that goes on with a text/);
  const nan = { ...history, tokens: history.tokens.map(() => Number.NaN) };
  await using model = await loadLikelihoodModel(await generatorFolder({ model: historyModel(nan) }), { threads: 1 });
  const window = { text: 0, tokens: Int32Array.of(1, 2, 3), scored: 2 };
  await expect(model.score([window])).rejects.toThrow(/expected finite logits, got NaN/);
});
