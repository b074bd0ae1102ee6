import path from 'node:path';
import type { Model } from '@neuroprune/onnx';
import { describe, expect, test } from 'vitest';
import {
  generatorFolder,
  type History,
  historyModel,
  nextScores,
  randomHistory,
  readingModel,
  sourceModel,
} from '../../test/history-model.js';
import { stream } from '../random.js';
import type { GenerateOptions, Generator } from './generator.js';
import { loadGenerator } from './generator.js';

const seededRandom = (seed: number) => {
  const below = stream(seed);
  return () => below(2 ** 24) / 2 ** 24;
};

const END = 0;
const seeds = Array.from({ length: 4 }, (_, i) => i + Number(process.env.NEUROPRUNE_SEED ?? 0));

const opened = async (
  history: History,
  generation: Readonly<Record<string, unknown>> = { eos_token_id: END },
  config: Readonly<Record<string, unknown>> = {},
): Promise<Generator> =>
  loadGenerator(
    await generatorFolder(
      { model: historyModel(history) },
      { 'generation_config.json': generation, 'config.json': config },
    ),
    { threads: 1 },
  );

const reader = async (history: History, generation: Readonly<Record<string, unknown>>): Promise<Generator> =>
  loadGenerator(
    await generatorFolder(
      { encoder_model: sourceModel(history), decoder_model_merged: readingModel(history) },
      { 'generation_config.json': generation },
    ),
    { threads: 1 },
  );

const written = async (model: Generator, prompts: readonly number[][], options: GenerateOptions) =>
  (await model.generate(prompts, options)).texts.map(({ tokens }) => tokens);

/** Every text that may be written, with its score. */
function everyText(history: History, prompt: readonly number[], most: number, penalty: number) {
  const done: { tokens: number[]; score: number }[] = [];
  const goOn = (tokens: number[], sum: number): void => {
    if (tokens.length === most || tokens.at(-1) === END) {
      done.push({ tokens, score: sum / tokens.length ** penalty });
      return;
    }
    const scores = nextScores(history, [...prompt, ...tokens]);
    const shift = Math.log(scores.reduce((total, x) => total + Math.exp(x), 0));
    for (const [token, score] of scores.entries()) goOn([...tokens, token], sum + score - shift);
  };
  goOn([], 0);
  return done.sort((a, b) => b.score - a.score);
}

describe('generate', () => {
  test.each(seeds.flatMap((seed) => [-1, 0, 1, 3].map((penalty) => [seed, penalty] as const)))(
    'finds the best text of all with enough beams (seed %d, length penalty %d)',
    async (seed, lengthPenalty) => {
      const history = randomHistory(4, seededRandom(seed));
      await using model = await opened(history);
      const prompts = [[1, 2], [3], [2, 2, 1, 3]];
      const { texts } = await model.generate(prompts, { maxNewTokens: 3, numBeams: 64, lengthPenalty });
      for (const [i, { tokens, score }] of texts.entries()) {
        const [best] = everyText(history, prompts[i]!, 3, lengthPenalty);
        expect(tokens).toEqual(best!.tokens);
        expect(score! / best!.score).toBeCloseTo(1, 5);
      }
    },
  );

  test.each(seeds)('writes of a prompt in a batch what it writes of it alone (seed %d)', async (seed) => {
    await using model = await opened(randomHistory(6, seededRandom(seed)));
    const prompts = [[1], [2, 3, 4, 5], [5, 5], [1, 2, 3, 4, 5, 1], [4, 3]];
    for (const numBeams of [1, 3]) {
      const options = { maxNewTokens: 8, numBeams, noRepeatNgramSize: 2 };
      const together = await written(model, prompts, options);
      const alone = await Promise.all(prompts.map((prompt) => written(model, [prompt], options)));
      expect(together).toEqual(alone.flat());
      expect(new Set(together.map(String)).size).toBeGreaterThan(1);
    }
  });

  test.each(seeds)('reads a source of several lengths in a batch, and its cache (seed %d)', async (seed) => {
    const history = randomHistory(6, seededRandom(seed));
    await using model = await reader(history, { eos_token_id: END, bos_token_id: 2 });
    expect(model.kind).toBe('seq2seq');
    const prompts = [[1], [2, 3, 4, 5], [5, 5], [1, 2, 3]];
    const together = await written(model, prompts, { maxNewTokens: 5, numBeams: 3 });
    for (const [i, prompt] of prompts.entries()) {
      const source = history.table[0]!.map((_, j) => prompt.reduce((sum, token) => sum + history.table[token]![j]!, 0));
      const reads = {
        table: history.table.map((row) => row.map((x, j) => x + source[j]!)),
        tokens: source.map(() => 0),
      };
      await using alone = await opened({ ...reads, positions: reads.tokens });
      expect(together[i]).toEqual((await written(alone, [[2]], { maxNewTokens: 5, numBeams: 3 }))[0]);
    }
    const other = await written(model, prompts, { maxNewTokens: 5, numBeams: 3, decoderStartTokenId: 4 });
    expect(other).not.toEqual(together);
  });

  test('counts tokens, steps and time, tells of batches, and keeps the order of prompts', async () => {
    await using model = await opened(randomHistory(6, seededRandom(1)), {});
    const prompts = [[1], [2, 3], [4, 5, 1]];
    const events: unknown[] = [];
    const one = await model.generate(prompts, { maxNewTokens: 4 });
    const two = await model.generate(prompts, {
      maxNewTokens: 4,
      batchSize: 2,
      onEvent: (event) => events.push(event),
    });
    expect(two.texts).toEqual(one.texts);
    expect([one.promptTokens, one.newTokens, one.steps, two.steps]).toEqual([6, 12, 4, 8]);
    expect(one.tokensPerSecond).toBeCloseTo(one.newTokens / one.seconds, 6);
    expect(events).toEqual([
      { type: 'generated', prompts: 2, of: 3, newTokens: 8 },
      { type: 'generated', prompts: 3, of: 3, newTokens: 12 },
    ]);
  });

  test('stops early when told to', async () => {
    const likely = [1, 0.9, 0.8, 0.7];
    const none = likely.map(() => 0);
    await using model = await opened({ table: likely.map(() => likely), tokens: none, positions: none });
    const steps = async (earlyStopping: boolean | 'never') => {
      const options = { maxNewTokens: 30, numBeams: 2, earlyStopping, lengthPenalty: 2 };
      return (await model.generate([[1, 2]], options)).steps;
    };
    const [first, likeliest, certain] = [await steps(true), await steps(false), await steps('never')];
    expect(first).toBeLessThan(likeliest);
    expect(likeliest).toBeLessThan(certain);
    expect(certain).toBe(30);
  });

  test('takes no text of no prompts', async () => {
    await using model = await opened(randomHistory(3, seededRandom(1)));
    expect(await model.generate([])).toMatchObject({ texts: [], newTokens: 0, steps: 0 });
  });

  test('breaks off between steps', async () => {
    await using model = await opened(randomHistory(3, seededRandom(1)), {});
    const abort = new AbortController();
    const onEvent = () => abort.abort(new Error('enough'));
    const running = model.generate([[1], [2]], { batchSize: 1, signal: abort.signal, onEvent });
    await expect(running).rejects.toThrow('enough');
  });
});

describe('settings', () => {
  const history = randomHistory(4, seededRandom(2));
  const length = async (generation: object, config: object, options: GenerateOptions = {}) => {
    await using model = await opened(history, { ...generation }, { ...config });
    return (await written(model, [[1, 2]], options))[0]!.length;
  };
  test.each([
    ['20 new tokens by default', {}, {}, {}, 20],
    ['no more positions than the model has', {}, { max_position_embeddings: 12 }, {}, 10],
    ['the file says how many', { max_new_tokens: 5 }, {}, {}, 5],
    ['with the prompt', { max_length: 7 }, {}, {}, 5],
    ['new tokens go first', { max_length: 7, max_new_tokens: 3 }, {}, {}, 3],
    ['options go before the file', { max_new_tokens: 5 }, {}, { maxNewTokens: 6 }, 6],
    ['null is none', { max_new_tokens: null }, {}, {}, 20],
  ])('%s', async (_, generation, config, options, expected) => {
    expect(await length(generation, config, options)).toBe(expected);
  });

  test('are those of config.json without generation_config.json', async () => {
    const folder = await generatorFolder({ model: historyModel(history) }, { 'config.json': { eos_token_id: 3 } });
    await using model = await loadGenerator(folder);
    expect(model.settings).toEqual({ eosTokenId: 3 });
  });

  test('pad rows of a batch with a token that the graph gets', async () => {
    await using model = await opened(history);
    const options = { maxNewTokens: 2 };
    expect(await written(model, [[1], [1, 2]], { ...options, padTokenId: 3 })).toHaveLength(2);
    await expect(model.generate([[1], [1, 2]], { ...options, padTokenId: 99 })).rejects.toThrow(/99/);
  });

  test.each<[string, number[][], Record<string, unknown>, RegExp]>([
    ['an empty prompt', [[1], []], {}, /prompts of a token or more, got an empty one \(prompt 1\)/],
    ['an unknown option', [[1]], { beams: 4 }, /settings of generation, got .*beams/],
    ['no beams', [[1]], { numBeams: 0 }, /numBeams/],
    ['a batch of none', [[1]], { batchSize: 0 }, /batchSize: expected a whole number from 1, got 0/],
    ['a token that is none', [[1]], { suppressTokens: [4] }, /expected tokens below 4, got 4/],
    ['a prompt that leaves no room', [[1, 2, 3]], { maxLength: 3 }, /a prompt of 3 tokens with maxLength 3/],
  ])('refuse %s', async (_, prompts, options, message) => {
    await using model = await opened(history);
    const running = model.generate(prompts, options);
    await expect(running).rejects.toMatchObject({ name: 'EvaluateError', kind: 'input' });
    await expect(running).rejects.toThrow(message);
  });

  test.each([
    ['diverse beams', { num_beam_groups: 2 }, /expected no numBeamGroups, got 2/],
    ['a bias', { sequence_bias: [[[1], 2]] }, /expected no sequenceBias/],
    ['a wrong type', { num_beams: 'four' }, /generation_config\.json: expected settings of generation, got .*numBeams/],
    ['no JSON', '{', /expected a JSON object/],
    ['too much', ' '.repeat(2 ** 20 + 1), /expected at most 1048576 bytes/],
  ])('refuse a file with %s', async (_, generation, message) => {
    const folder = await generatorFolder({ model: historyModel(history) }, { 'generation_config.json': generation });
    await expect(loadGenerator(folder)).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringMatching(message),
    });
  });

  test('tell of tokens without a score, and of ruling all out', async () => {
    const broken = { ...history, tokens: history.tokens.map(() => Number.NaN) };
    await using model = await opened(broken);
    await using sound = await opened(history);
    for (const numBeams of [1, 2]) {
      const failure = { name: 'EvaluateError', kind: 'job' };
      await expect(model.generate([[1]], { numBeams })).rejects.toMatchObject(failure);
      const none = { numBeams, suppressTokens: [0, 1, 2, 3] };
      await expect(sound.generate([[1]], none)).rejects.toMatchObject(failure);
    }
  });
});

describe('loadGenerator refuses', () => {
  const history = randomHistory(3, seededRandom(1));
  const without = (output: string): Model => {
    const model = historyModel(history);
    model.graph.outputs = model.graph.outputs.filter(({ name }) => name !== output);
    return model;
  };
  test.each<[string, Record<string, Model>, RegExp]>([
    ['a folder without models', {}, /expected model\.onnx, or encoder_model\.onnx with/],
    ['an encoder alone', { encoder_model: sourceModel(history) }, /got neither/],
    ['a graph of other inputs', { model: readingModel(history) }, /got encoder_attention_mask/],
    ['a graph without a cache', { model: sourceModel(history) }, /without logits/],
    ['a cache that is not handed on', { model: without('present.0.key') }, /without present\.0\.key/],
    [
      'a decoder of other inputs, its encoder being open',
      { encoder_model: sourceModel(history), decoder_model_merged: historyModel(history) },
      /got attention_mask/,
    ],
  ])('%s', async (_, models, message) => {
    const folder = await generatorFolder(models);
    await expect(loadGenerator(folder)).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringMatching(message),
    });
  });

  test('nothing of files beside the settings, without onnx/', async () => {
    const folder = await generatorFolder({ model: historyModel(history) });
    await using model = await loadGenerator(path.join(folder, 'onnx'));
    expect((await model.generate([[1]], { maxNewTokens: 2 })).newTokens).toBe(2);
  });
});
