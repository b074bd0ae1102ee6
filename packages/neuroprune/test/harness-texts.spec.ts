/** Tasks of text: small trained models of the repository beside Python (tools/golden/make_texts.py), and each option. */
import { readFileSync } from 'node:fs';
import { appendFile, cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { metrics } from '@neuroprune/evaluate';
import { type LocalHub, startLocalHub } from '@neuroprune/local-hub';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { convert, evaluate } from '../src/api.js';
import type { RunEvent } from '../src/events.js';
import type { VerbInput } from '../src/schema/verbs.js';
import type { Evaluated } from '../src/verbs/evaluate.js';
import { fixtures, neuroprune, root, TOKEN, temporary } from './command.js';

const texts = path.join(root, 'packages/neuroprune/fixtures/texts');
const golden = JSON.parse(readFileSync(path.join(texts, 'golden.json'), 'utf8'));
const [translator, speaker] = ['translator', 'speaker'].map((name) => path.join(texts, name)) as [string, string];
const [pairs, stories] = ['translation', 'stories'].map((name) => path.join(texts, name)) as [string, string];

let folder = '';
let hub: LocalHub;
let remove = async (): Promise<void> => {};
const at = (name: string) => path.join(folder, name);
const lines = async (name: string) => (await readFile(at(name), 'utf8')).trimEnd().split('\n');

beforeAll(async () => {
  ({ folder, remove } = await temporary());
  await cp(translator, at('seed/models/org/translator'), { recursive: true });
  const data = at('seed/datasets/bentrevett/multi30k');
  await cp(pairs, data, { recursive: true });
  await writeFile(path.join(data, 'README.md'), '---\nlicense: mit\n---\n');
  for (const [id, { config, row }] of Object.entries(others))
    await writeDataset(at(`seed/datasets/${id}`), config, row);
  hub = await startLocalHub({ root: at('hub'), token: TOKEN, seed: at('seed') });
  const context = { cwd: folder, env: {} };
  await convert({ model: translator, out: 'exported' }, context);
  await convert({ model: speaker, out: 'spoken' }, context);
});

afterAll(async () => {
  await hub.close();
  await remove();
});

/** Made rows in the layouts of data sets on the Hub, by their ids. */
const others = {
  'abisee/cnn_dailymail': { config: '3.0.0', row: ({ de, en }) => ({ article: de, highlights: en, id: '1' }) },
  'EdinburghNLP/xsum': { config: 'default', row: ({ de, en }) => ({ document: de, summary: en, id: '1' }) },
  'knkarthick/samsum': { config: 'default', row: ({ de, en }) => ({ id: '1', dialogue: de, summary: en }) },
  'wmt/wmt14': { config: 'de-en', row: ({ de, en }) => ({ translation: { de: en, en: de } }) },
  'IWSLT/iwslt2017': { config: 'iwslt2017-de-en', row: (translation) => ({ translation }) },
  'Salesforce/wikitext': { config: 'wikitext-2-raw-v1', row: ({ en }) => ({ text: en }) },
} as const satisfies Record<string, { config: string; row: (pair: Pair) => object }>;

interface Pair {
  readonly de: string;
  readonly en: string;
}

/** The rows of the translations, as another data set has them. */
async function writeDataset(to: string, config: string, row: (pair: Pair) => object): Promise<void> {
  await mkdir(to, { recursive: true });
  const rows = (await readFile(path.join(pairs, 'validation.jsonl'), 'utf8')).trimEnd().split('\n');
  const text = rows.map((line) => `${JSON.stringify(row(JSON.parse(line) as Pair))}\n`).join('');
  await writeFile(path.join(to, 'validation.jsonl'), text);
  const files = `  data_files:\n  - {split: validation, path: validation.jsonl}`;
  await writeFile(path.join(to, 'README.md'), `---\nconfigs:\n- config_name: ${config}\n${files}\n---\n`);
}

type Options = Partial<VerbInput<'evaluate'>>;
type Result = Evaluated & { readonly events: readonly RunEvent[] };

async function call(options: Options): Promise<Result> {
  const events: RunEvent[] = [];
  const env = { HF_ENDPOINT: hub.url, HF_HOME: at('home') };
  const context = { cwd: folder, env, onEvent: (event: RunEvent) => events.push(event) };
  return { ...(await evaluate({ model: 'exported', resamples: 0, cache: false, ...options }, context)), events };
}

const translate = (options: Options = {}) =>
  call({ task: 'translation', dataset: pairs, columns: ['de', 'en'], maxNewTokens: 16, ...options });
const ask = (options: Options = {}) => call({ model: 'spoken', task: 'perplexity', dataset: stories, ...options });
const generated = async (out: string): Promise<string[]> =>
  (await lines(`${out}/predictions/translation.ndjson`)).map((line) => JSON.parse(line).generated);

describe('beside transformers, sacreBLEU and rouge_score', () => {
  const beams: Options = { numBeams: 4, lengthPenalty: 0.6, earlyStopping: 'true', noRepeatNgramSize: 3 };

  it.each<[string, Options, 'greedy' | 'beams', string]>([
    ['greedy by transformers.js', {}, 'greedy', 'transformers.js'],
    ['greedy by the own generator', { generator: 'neuroprune' }, 'greedy', 'neuroprune'],
    ['beams', beams, 'beams', 'neuroprune'],
  ])('%s: the same texts and values', async (_, options, name, generator) => {
    const metric: Options['metric'] = ['bleu', 'chrf', 'ter', 'rouge'];
    const out = `python-${name}-${generator}`;
    const { evaluation } = await translate({ ...options, metric, out });
    const expected = golden.translation[name];
    expect(await generated(out)).toEqual(expected.generated);
    const [{ metrics, signatures, generation, examples }] = evaluation as [(typeof evaluation)[number]];
    expect(Object.keys(metrics)).toEqual(Object.keys(expected.metrics));
    for (const [key, value] of Object.entries(metrics)) expect(value, key).toBeCloseTo(expected.metrics[key], 10);
    // Signatures are sacreBLEU's but for the version; the fields it leaves at `mixed` and `exp` included.
    const fields = (signature: string) => signature.replace(/\|version:.*/, '');
    for (const [key, value] of Object.entries(expected.signatures as Record<string, string>))
      expect(fields(signatures![key]!)).toBe(fields(value));
    expect([examples, generation!.generator]).toEqual([48, generator]);
  });

  it.each(
    golden.perplexity as { documents: 'rows'; window: number; stride: number; tokens: number; perplexity: number }[],
  )(
    'perplexity of $documents, windows of $window every $stride',
    async ({ documents, window: maxLength, stride, tokens, perplexity }) => {
      const { evaluation } = await ask({ documents, maxLength, stride });
      expect(evaluation[0]!.metrics.perplexity! / perplexity).toBeCloseTo(1, 6);
      expect(evaluation[0]).toMatchObject({ tokens, window: { documents, maxLength, stride } });
    },
  );
});

describe('options', () => {
  let plain: Promise<Result> | undefined;

  it.each<[string, Options, (row: Evaluated['evaluation'][number], result: Result) => unknown, unknown, unknown]>([
    ['maxNewTokens', { maxNewTokens: 3 }, (row) => row.generation!.newTokens < 300, false, true],
    [
      'numBeams',
      { numBeams: 3 },
      (row) => [row.generation!.numBeams, row.generation!.generator],
      [1, 'transformers.js'],
      [3, 'neuroprune'],
    ],
    ['generator', { generator: 'neuroprune' }, (row) => row.generation!.generator, 'transformers.js', 'neuroprune'],
    ['limit', { limit: 5 }, (row) => row.examples, 48, 5],
    ['few', { few: true }, (row) => row.examples, 48, 16],
    ['batchSize', { batchSize: 7 }, (_, { events }) => events.filter(({ type }) => type === 'evaluate').length, 2, 7],
    ['metric', { metric: 'exact_match' }, (row) => Object.keys(row.metrics), ['bleu', 'chrf', 'ter'], ['exact_match']],
    ['resamples', { resamples: 250 }, (row) => row.intervals.bleu?.samples, undefined, 250],
    ['label', { columns: 'de', label: 'de' }, (row) => row.metrics.bleu! < 1, false, true],
    [
      'maxLength',
      { maxLength: 4 },
      (_, { events }) =>
        events.some((event) => event.type === 'note' && /sources were cut to 4 tokens/.test(event.message)),
      false,
      true,
    ],
  ])('%s', async (_, more, fact, before, after) => {
    plain ??= translate();
    const other = await translate(more);
    expect(fact((await plain).evaluation[0]!, await plain)).toEqual(before);
    expect(fact(other.evaluation[0]!, other)).toEqual(after);
  });

  it.each<[string, Options, Options]>([
    ['sourcePrefix', {}, { sourcePrefix: 'bapa pari ' }],
    ['sourceSuffix', {}, { sourceSuffix: ' bapa' }],
    ['lengthPenalty', { numBeams: 4 }, { numBeams: 4, lengthPenalty: -20 }],
    ['noRepeatNgramSize', {}, { noRepeatNgramSize: 1 }],
    ['columns', {}, { columns: ['en', 'de'] }],
  ])('%s changes what is written', async (name, before, after) => {
    const [plain, other] = [`${name}-before`, `${name}-after`];
    await translate({ ...before, out: plain });
    await translate({ ...after, out: other });
    expect(await generated(other)).not.toEqual(await generated(plain));
  });

  it('earlyStopping: other texts, and its value is told', async () => {
    const rows = await Promise.all(
      (['true', 'never'] as const).map(async (earlyStopping) =>
        translate({ numBeams: 4, earlyStopping, out: `early-${earlyStopping}`, lengthPenalty: 4 }),
      ),
    );
    expect(rows.map(({ evaluation }) => evaluation[0]!.generation!.earlyStopping)).toEqual([true, 'never']);
    expect(await generated('early-true')).not.toEqual(await generated('early-never'));
  });

  it.each<[string, Options, 'bleu' | 'chrf' | 'rouge', object]>([
    ['bleuTokenize', { bleuTokenize: 'char' }, 'bleu', { tokenize: 'char' }],
    ['chrfWordOrder', { chrfWordOrder: 2 }, 'chrf', { wordOrder: 2 }],
    ['lowercase', { lowercase: true }, 'bleu', { lowercase: true }],
    ['lowercase', { lowercase: true }, 'chrf', { lowercase: true }],
    ['rougeStemmer', { rougeStemmer: false, metric: 'rouge' }, 'rouge', {}],
  ])('%s: %j, the %s with that option', async (name, options, metric, asked) => {
    const out = `${name}-${metric}`;
    const { evaluation } = await translate({ dataset: await cased(), ...options, out, resamples: 200 });
    const [{ metrics: found, signatures, intervals }] = evaluation as [Evaluated['evaluation'][number]];
    const rows = (await lines(`${out}/predictions/translation.ndjson`)).map((line) => JSON.parse(line));
    const computed = (more: object) => {
      const sides = [rows.map((row) => row.generated), rows.map((row) => row.references)] as const;
      return metrics[metric](...sides, more) as unknown as Record<string, number> & { signature: string };
    };
    const { signature, ...values } = computed(asked);
    expect(found).toMatchObject(values);
    expect(signatures[metric]).toBe(signature);
    const other = computed(metric === 'rouge' ? { stemmer: true } : {});
    for (const [key, value] of Object.entries(values)) {
      expect(value).not.toBe(other[key]);
      expect(intervals[key]!.low).toBeLessThan(value);
      expect(intervals[key]!.high).toBeGreaterThan(value);
    }
  });

  /** References in which case and the ends of words differ from what is written. */
  async function cased(): Promise<string> {
    await mkdir(at('cased'), { recursive: true });
    const rows = (await readFile(path.join(pairs, 'validation.jsonl'), 'utf8')).trimEnd().split('\n');
    const changed = rows.map((line) => {
      const { de, en } = JSON.parse(line) as Pair;
      return JSON.stringify({ de, en: `${en[0]!.toUpperCase()}${en.slice(1)}s` });
    });
    await writeFile(at('cased/validation.jsonl'), changed.map((line) => `${line}\n`).join(''));
    return 'cased';
  }

  it('documents and stride change a perplexity; half a window is the stride by default', async () => {
    const values = [await ask(), await ask({ documents: 'rows' }), await ask({ stride: 32 })].map(
      ({ evaluation }) => evaluation[0]!.metrics.perplexity!,
    );
    expect(new Set(values).size).toBe(3);
    expect((await ask()).evaluation[0]!.window).toEqual({ maxLength: 32, stride: 16, documents: 'joined' });
  });

  it('settings of the model’s own file hold where no option stands before them', async () => {
    await cp(translator, at('own'), { recursive: true });
    const file = at('own/generation_config.json');
    const own = JSON.parse(await readFile(file, 'utf8'));
    await writeFile(file, JSON.stringify({ ...own, num_beams: 2, max_new_tokens: 5 }));
    const facts = async (options: Options) =>
      (await call({ model: 'own', task: 'translation', dataset: pairs, limit: 4, ...options })).evaluation[0]!
        .generation;
    expect(await facts({})).toMatchObject({ numBeams: 2, maxNewTokens: 5, generator: 'neuroprune' });
    expect(await facts({ numBeams: 1, maxNewTokens: 6 })).toMatchObject({ numBeams: 1, maxNewTokens: 6 });
  });

  it('latency: new tokens a second of models in turns, and of windows rows alone', async () => {
    const plan: Options = { latency: true, latencyRepeats: 2, latencyBatch: 2, latencyLength: 5, limit: 3 };
    const { latency } = await translate({ ...plan, numBeams: 2 });
    expect(latency).toHaveLength(1);
    expect(latency![0]!.tokensPerSecond! / (32 * latency![0]!.rowsPerSecond)).toBeCloseTo(1, 2);
    expect((await ask(plan)).latency![0]).not.toHaveProperty('tokensPerSecond');
  });

  it('failAbove: fails where a perplexity is higher, and not where it is not', async () => {
    await ask({ failAbove: 'perplexity=8', failBelow: 'perplexity=1' });
    const failed = ask({ failAbove: 'perplexity.perplexity=7' });
    await expect(failed).rejects.toThrow(/on perplexity: expected perplexity of at most 7, got 7\.60675$/);
    await expect(failed).rejects.toMatchObject({ kind: 'job' });
    await expect(translate({ failBelow: 'bleu=99' })).rejects.toThrow(/expected bleu of at least 99, got 67\.8353/);
  });

  it('cache: texts and likelihoods are found by model, task and options', async () => {
    const hits = async (made: Promise<Result>) =>
      (await made).events.flatMap((event) =>
        event.type === 'note' && /in the cache/.test(event.message) ? [event.message] : [],
      );
    const hit = ['translation validation: predictions were in the cache'];
    const first = await translate({ cache: true });
    expect(await hits(translate({ cache: true }))).toEqual(hit);
    expect((await translate({ cache: true })).evaluation).toEqual(first.evaluation);
    const others: Options[] = [
      { numBeams: 2 },
      { maxNewTokens: 9 },
      { limit: 7 },
      { batchSize: 5 },
      { sourcePrefix: 'x ' },
      { columns: ['en', 'de'] },
    ];
    for (const other of others)
      expect(await hits(translate({ cache: true, ...other })), JSON.stringify(other)).toEqual([]);
    // Metrics are of the texts that were kept.
    expect(await hits(translate({ cache: true, metric: 'rouge' }))).toEqual(hit);
    await ask({ cache: true });
    expect(await hits(ask({ cache: true }))).toEqual(['perplexity validation: predictions were in the cache']);
    for (const other of [{ stride: 7 }, { documents: 'rows' as const }, { maxLength: 20 }])
      expect(await hits(ask({ cache: true, ...other }))).toEqual([]);
    const kept = at('home/assets/neuroprune/predictions');
    for (const name of await readdir(kept)) await appendFile(path.join(kept, name), '{}\n');
    expect(await hits(ask({ cache: true }))).toEqual([]);
    // Weights that were converted are kept too, under the hash of their files.
    for (const model of [translator, translator, speaker])
      await call({ model, cache: true, task: 'translation', dataset: pairs, limit: 1 });
    expect(await readdir(at('home/assets/neuroprune/exports'))).toHaveLength(2);
  });
});

describe('models and data', () => {
  it('takes folders of weights, exports, ONNX files, runs and Hub ids, alike; the Hub’s data set by the task', async () => {
    await mkdir(at('run'));
    await cp(at('exported'), at('run/model'), { recursive: true });
    await writeFile(at('run/run.json'), '{}');
    const model = [translator, 'exported', 'exported/onnx/encoder_model.onnx', 'run', 'org/translator'];
    const { evaluation } = await call({ model, task: 'multi30k', maxNewTokens: 16 });
    expect(evaluation).toHaveLength(5);
    expect(new Set(evaluation.map(({ metrics }) => metrics.bleu))).toEqual(new Set([evaluation[0]!.metrics.bleu]));
    expect(evaluation[0]).toMatchObject({
      task: 'multi30k',
      version: 1,
      dataset: { id: 'bentrevett/multi30k', revision: 'main', commit: expect.stringMatching(/^[0-9a-f]{40}$/) },
    });
    expect(evaluation[0]!.metrics.bleu).toBeCloseTo(golden.translation.greedy.metrics.bleu, 10);
  });

  it('every task of the table reads its own data set, and models are scored on the tasks they name', async () => {
    const tasks = 'cnn-dailymail xsum samsum summarization wmt14 iwslt2017 multi30k translation'.split(' ');
    const words = [...tasks.map((task) => `${task}=exported`), 'wikitext=spoken', 'perplexity=spoken'];
    const context = { cwd: folder, env: { HF_ENDPOINT: hub.url, HF_HOME: at('home') } };
    const { evaluation } = await evaluate({ model: words, resamples: 0 }, context);
    const rouge = 'rouge1 rouge2 rougeL rougeLsum';
    expect(evaluation.map(({ task, dataset, metrics }) => [task, dataset.id, Object.keys(metrics).join(' ')])).toEqual([
      ['cnn-dailymail', 'abisee/cnn_dailymail', rouge],
      ['xsum', 'EdinburghNLP/xsum', rouge],
      ['samsum', 'knkarthick/samsum', rouge],
      ['summarization', 'abisee/cnn_dailymail', rouge],
      ['wmt14', 'wmt/wmt14', 'bleu chrf ter'],
      ['iwslt2017', 'IWSLT/iwslt2017', 'bleu chrf ter'],
      ['multi30k', 'bentrevett/multi30k', 'bleu chrf ter'],
      ['translation', 'bentrevett/multi30k', 'bleu chrf ter'],
      ['wikitext', 'Salesforce/wikitext', 'perplexity'],
      ['perplexity', 'Salesforce/wikitext', 'perplexity'],
    ]);
    // The same pairs in every layout: the same texts, whatever the columns.
    const of = (task: string) => evaluation.find((row) => row.task === task)!.metrics;
    for (const task of ['wmt14', 'iwslt2017', 'multi30k']) expect(of(task).bleu).toBeGreaterThan(60);
    for (const task of ['wmt14', 'iwslt2017', 'translation']) expect(of(task)).toEqual(of('multi30k'));
    for (const task of ['xsum', 'samsum', 'summarization']) expect(of(task)).toEqual(of('cnn-dailymail'));
  });

  it('datasetRevision: a branch of the data set is read, and one that is not there is refused', async () => {
    const remote: Options = { task: 'translation', dataset: 'bentrevett/multi30k', maxNewTokens: 4, limit: 4 };
    expect((await call({ ...remote, datasetRevision: 'main' })).evaluation[0]!.dataset.revision).toBe('main');
    await expect(call({ ...remote, datasetRevision: 'other' })).rejects.toThrow(/other/);
  });

  it('compares two: lower is better where it is, the chance of a difference, tokens, files apart', async () => {
    const [first] = JSON.parse(await readFile(path.join(translator, 'config.json'), 'utf8')).architectures;
    expect(first).toBe('T5ForConditionalGeneration');
    await cp(translator, at('worse'), { recursive: true });
    // Other words for the same ids: the same search, other texts.
    const file = at('worse/tokenizer.json');
    await writeFile(file, (await readFile(file, 'utf8')).replaceAll('"riba"', '"ribe"').replaceAll('"zalu"', '"zale"'));
    const { evaluation } = await translate({ model: [translator, 'worse'], out: 'two', resamples: 300 });
    const [one, other] = evaluation;
    expect(one).not.toHaveProperty('paired');
    for (const key of ['bleu', 'chrf', 'ter']) {
      expect(other!.paired![key]!.difference).toBeCloseTo(other!.metrics[key]! - one!.metrics[key]!, 10);
      expect(other!.paired![key]!.pValue).toBeLessThan(0.05);
      expect(other!.intervals[key]!.low).toBeLessThan(other!.metrics[key]!);
    }
    expect(one!.generation!.newTokens).toBe(other!.generation!.newTokens);
    const table = await lines('two/evaluation.md');
    expect(table.find((line) => line.includes('| ter |'))).toMatch(
      /ter \| 17\.5159 ± [\d.]+\* \| [\d.]+ ± [\d.]+ \(p 0/,
    );
    expect(table.find((line) => line.includes('| bleu | nrefs'))).toContain(
      '|version:neuroprune-'.replaceAll('|', '\\|'),
    );
    expect((await readdir(at('two/predictions'))).sort()).toEqual(['translator', 'worse']);
    const csv = await lines('two/evaluation.csv');
    expect(csv.filter((line) => line.includes(',tokens,'))).toHaveLength(2);
  });

  it('a model that goes on with its prompt writes too, with room for what it writes', async () => {
    const speak = { model: 'spoken', maxNewTokens: 26, columns: ['en', 'de'], limit: 12 } satisfies Options;
    const [js, own] = await Promise.all(
      (['transformers.js', 'neuroprune'] as const).map((generator) =>
        translate({ ...speak, generator, out: `spoken-${generator}` }),
      ),
    );
    // 32 positions less 26 leave six of the prompt.
    const message = expect.stringMatching(/translation validation: \d+ of 12 sources were cut to 6 tokens/);
    expect(js!.events).toContainEqual({ type: 'note', message });
    expect(await generated('spoken-transformers.js')).toEqual(await generated('spoken-neuroprune'));
    expect(own!.evaluation[0]!.generation!.newTokens).toBe(js!.evaluation[0]!.generation!.newTokens);
    expect((await generated('spoken-neuroprune')).join(' ').split(' ').length).toBeGreaterThan(100);
  });

  it('rows without references give predictions only', async () => {
    await mkdir(at('bare'));
    const rows = (await readFile(path.join(pairs, 'validation.jsonl'), 'utf8')).trimEnd().split('\n');
    await writeFile(
      at('bare/validation.jsonl'),
      rows.map((row) => `${JSON.stringify({ de: JSON.parse(row).de, en: null })}\n`).join(''),
    );
    const { evaluation, events } = await translate({
      dataset: 'bare',
      columns: 'de',
      label: 'en',
      out: 'bare-out',
      limit: 3,
    });
    expect(evaluation[0]!.metrics).toEqual({});
    expect(events).toContainEqual({
      type: 'note',
      message: 'translation validation: has no references; predictions only',
    });
    expect(await generated('bare-out')).toEqual(golden.translation.greedy.generated.slice(0, 3));
  });
});

describe('the command', () => {
  const run = (line: string) =>
    neuroprune([...line.split(' '), '--quiet', '--no-cache'], { cwd: folder, env: { HF_HOME: at('home') } });

  it('writes tables of tasks of text, and a JSON of all that was asked', async () => {
    const { code, stdout } = await run(
      `evaluate ${translator} --task translation --dataset ${pairs} --max-new-tokens 16 --resamples 0`,
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/translation +bleu +67\.8353 +validation +48/);
    expect(stdout).toMatch(/transformers\.js +greedy +16 +\d+/);
    expect(stdout).toMatch(/bleu +nrefs:1\|case:mixed\|eff:no\|tok:13a\|smooth:exp\|version:/);
  });

  it('refuses what is no task of text with exit code 2', async () => {
    const { code, stderr } = await run(`evaluate ${translator} --task sst2 --num-beams 2`);
    expect(stderr).toMatch(/--num-beams: acts only on tasks of summarization and translation, got none/);
    expect(code).toBe(2);
  });
});

describe('refused', () => {
  const onPairs = { task: 'translation', dataset: pairs } as const;
  it.each<[Options, RegExp]>([
    [{ task: 'translation', stride: 2 }, /stride: acts only on tasks of perplexity/],
    [{ task: 'summarization', bleuTokenize: 'zh' }, /bleuTokenize: acts only on bleu, got rouge/],
    [{ ...onPairs, metric: 'bleu', rougeStemmer: false }, /rougeStemmer: acts only on rouge, got bleu/],
    [{ task: 'rte', lowercase: true }, /lowercase: acts only on bleu and chrf, got no metric of texts/],
    [{ task: 'perplexity', chrfWordOrder: 2 }, /chrfWordOrder: acts only on chrf, got perplexity/],
    [
      { ...onPairs, bleuTokenize: 'flores200' as '13a' },
      /bleuTokenize: expected one of 13a, intl, char, zh, none, got flores200/,
    ],
    [
      { ...onPairs, model: path.join(fixtures, 'models/neuroprune/bert-micro-uncased') },
      /bert-micro-uncased: expected a model that writes text, got model_type bert/,
    ],
    [{ task: 'rte', maxLength: 4 }, /maxLength: acts only on tasks of text/],
    [{ task: 'translation', generator: 'transformers.js', numBeams: 2 }, /generator: expected neuroprune for beams/],
    [{ task: 'translation', metric: 'bleu' }, /metric: acts only with --dataset/],
    [
      { ...onPairs, metric: 'accuracy' },
      /expected bleu, chrf, ter, rouge or exact_match for translation, got accuracy/,
    ],
    [{ dataset: pairs, metric: 'bleu' }, /metric: bleu acts only on tasks of text; name one with --task/],
    [{ ...onPairs, dataset: stories }, /expected columns of texts, found no usual ones.*the columns are text/],
    [{ ...onPairs, columns: ['de', 'fr'] }, /expected a column 'fr', got none.*the columns are de, en/],
    [{ ...onPairs, idColumn: 'de' }, /idColumn: acts only on tasks of classes and scores/],
    [{ task: 'perplexity', dataset: stories }, /expected one that goes on with a text, got an encoder and a decoder/],
    [{ model: 'spoken', task: 'perplexity', dataset: stories, stride: 40 }, /expected a stride of at most 32 tokens/],
    [{ task: 'translation', glueSubmission: 'g' }, /expected tasks of GLUE, got none/],
    [{ task: 'sst2', datasetRevision: 'x' }, /datasetRevision: acts only with --dataset/],
    [
      { ...onPairs, model: path.join(root, 'packages/models/fixtures/writers/qwen3') },
      /expected a tokenizer\.json beside the model/,
    ],
  ])('%j', async (options, message) => {
    const refused = call(options);
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toMatchObject({ kind: 'input' });
  });
});
