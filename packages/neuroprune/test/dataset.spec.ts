import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluate, prune } from '../src/api.js';
import type { RunEvent } from '../src/events.js';
import type { VerbInput } from '../src/schema/verbs.js';
import type { TrainOutcome, TrainPlan } from '../src/verbs/train.js';
import { fixtures, temporary } from './command.js';

const model = path.join(fixtures, 'models/neuroprune/bert-micro-uncased');
let folder = '';
let remove = async (): Promise<void> => {};
let home = '';

beforeAll(async () => {
  ({ folder, remove } = await temporary());
  home = path.join(folder, 'home');
  await write(
    'reviews/train.csv',
    csv(60, (i) => (i % 3 === 0 ? 'pos' : 'neg')),
  );
  await write('scores/train.tsv.gz', gzipSync(csv(40, (i) => String(i / 4)).replaceAll(',', '\t')));
  await write('scores/dev.tsv.gz', gzipSync(csv(8, (i) => String(i / 4)).replaceAll(',', '\t')));
  await write('pairs/fit.jsonl', lines(24));
  await write('pairs/check.jsonl', lines(6));
  const files =
    'configs:\n- config_name: c\n  data_files:\n  - {split: fit, path: fit.jsonl}\n  - {split: check, path: check.jsonl}';
  const other = '- config_name: d\n  default: true\n  data_files: check.jsonl';
  await write('pairs/README.md', `---\n${files}\n${other}\n---\n`);
});

afterAll(() => remove());

async function write(name: string, content: string | Buffer): Promise<string> {
  const file = path.join(folder, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, content);
  return file;
}

const csv = (rows: number, label: (i: number) => string): string =>
  `id,text,title,label\n${Array.from({ length: rows }, (_, i) => `${i},a text of some more length ${i},short,${label(i)}\n`).join('')}`;

const lines = (rows: number): string =>
  Array.from(
    { length: rows },
    (_, i) => `${JSON.stringify({ q: `question ${i}`, a: `answer ${i}`, y: i % 3, uid: `u${i}` })}\n`,
  ).join('');

type Data = Partial<VerbInput<'prune'>>;

async function call(data: Data): Promise<{ result: TrainPlan & TrainOutcome; events: RunEvent[] }> {
  const events: RunEvent[] = [];
  const context = { cwd: folder, env: { HF_HOME: home }, onEvent: (event: RunEvent) => events.push(event) };
  const options = { model, method: 'dense', dryRun: true, offline: true, ...data } as const;
  return { result: (await prune(options, context)) as TrainPlan & TrainOutcome, events };
}

const plan = async (data: Data): Promise<TrainPlan> => (await call(data)).result;

const notes = (events: readonly RunEvent[]) =>
  events.flatMap(({ type, message }) => (type === 'note' ? [message] : []));

describe('a data set of one’s own', () => {
  it('is found: columns, classes and rows held out, counted and shown', async () => {
    const { result, events } = await call({ dataset: 'reviews' });
    expect([result.labels, result.rows]).toEqual([['neg', 'pos'], { train: 54, validation: 6 }]);
    const { train, 'train, held out': held } = result.data;
    expect([train!.classes![0]! + held!.classes![0]!, train!.classes![1]! + held!.classes![1]!]).toEqual([40, 20]);
    const counts = (split: typeof train) => `(neg ${split!.classes![0]}, pos ${split!.classes![1]})`;
    expect(notes(events)).toContain(`train: 54 rows ${counts(train)}`);
    expect(notes(events)).toContain(`train, held out: 6 rows ${counts(held)}`);
  });

  it('holds other rows out for another seed, the same for the same', async () => {
    const classes = async (seed: number) => JSON.stringify((await plan({ dataset: 'reviews', seed })).data);
    const seeds = await Promise.all([0, 1, 2, 3].map(classes));
    expect(await classes(0)).toBe(seeds[0]);
    expect(new Set(seeds).size).toBeGreaterThan(1);
  });

  it('--columns: other texts; --max-length: cut rows are counted', async () => {
    const longest = async (data: Data) => (await plan({ dataset: 'reviews', ...data })).data.train!;
    expect((await longest({ columns: 'title' })).longest).toBeLessThan((await longest({})).longest);
    expect((await longest({ columns: ['title', 'text'] })).longest).toBeGreaterThan((await longest({})).longest);
    expect((await longest({})).truncated).toBe(0);
    const { result, events } = await call({ dataset: 'reviews', maxLength: 8 });
    expect(result.data.train!.truncated).toBe(54);
    expect(notes(events).join()).toMatch(/54 rows \(.*\), 54 cut to 8 tokens/);
  });

  it('--label: another column of classes', async () => {
    const { labels } = await plan({ dataset: 'reviews', label: 'title', columns: 'text' }).catch((error) => error);
    expect(labels).toBeUndefined(); // one class only
    expect((await plan({ dataset: 'pairs', columns: ['q', 'a'], label: 'y', trainSplit: 'train' })).labels).toEqual([
      '0',
      '1',
      '2',
    ]);
  });

  it('--metric: scores or classes', async () => {
    expect((await plan({ dataset: 'scores' })).labels).toBe('score');
    expect((await plan({ dataset: 'scores', metric: 'accuracy' })).labels).toHaveLength(40);
    expect((await plan({ dataset: 'pairs', columns: 'q', label: 'y', metric: ['spearmanr'] })).labels).toBe('score');
  });

  it('--dataset-config, --train-split, --validation-split: other rows', async () => {
    const pairs = { dataset: 'pairs', columns: ['q', 'a'], label: 'y' };
    expect((await plan(pairs)).rows).toEqual({ train: 5, validation: 1 });
    const named = { ...pairs, datasetConfig: 'c', trainSplit: 'fit' };
    expect((await plan(named)).rows).toEqual({ train: 21, validation: 3 });
    expect((await plan({ ...named, validationSplit: 'check' })).rows).toEqual({ train: 24, validation: 6 });
    await expect(plan({ ...pairs, datasetConfig: 'c' })).rejects.toThrow(
      /no files for the split 'train'; it has splits: fit, check/,
    );
  });

  it('--id-column: values that may not come twice', async () => {
    await write('twice/train.csv', 'id,key,text,label\n1,a,x,0\n2,b,y,1\n1,c,z,1\n');
    await expect(plan({ dataset: 'twice' })).rejects.toThrow(/one twice \(train\.csv, row 1 and train\.csv, row 3\)/);
    expect((await plan({ dataset: 'twice', idColumn: 'key' })).rows.train).toBe(2);
    expect((await plan({ dataset: 'twice', idColumn: 'none' })).rows.train).toBe(2);
  });

  it.each<[string, string, string | Buffer, RegExp]>([
    [
      'an empty text',
      'train.csv',
      'text,label\na,0\n,1\n',
      /expected text in column 'text', got "" \(train\.csv, row 2\)/,
    ],
    ['a null', 'train.jsonl', '{"text":"a","label":0}\n{"text":null,"label":1}\n', /got null \(train\.jsonl, row 2\)/],
    [
      'no label',
      'train.csv',
      'text,label\na,0\nb,\n',
      /expected a label in column 'label', got nothing \(train\.csv, row 2\)/,
    ],
    ['a ragged row', 'train.tsv', 'text\tlabel\na\t0\nb\n', /train\.tsv: .*got 1 \(line 3\)/],
    [
      'Latin-1',
      'train.csv',
      Buffer.from('text,label\nn\xe9,0\nb,1\n', 'latin1'),
      /expected UTF-8, got other bytes \(line 2\)/,
    ],
  ])('is refused with %s, by file and row', async (_, name, content, message) => {
    await rm(path.join(folder, 'bad'), { recursive: true, force: true });
    await write(`bad/${name}`, content);
    await expect(plan({ dataset: 'bad' })).rejects.toThrow(message);
    await expect(plan({ dataset: 'bad' })).rejects.toMatchObject({ kind: 'input' });
  });

  it('--no-cache: ids are made anew; the cache: found, or made anew where damaged', async () => {
    await write(
      'cached/train.csv',
      csv(30, (i) => String(i % 2)),
    );
    const tokens = path.join(home, 'assets/neuroprune/tokens');
    const cache = async (data: Data) => {
      const { events } = await call({ dataset: 'cached', ...data });
      return events.flatMap((event) => (event.type === 'tokens' ? [event.cache] : []));
    };
    const files = async () => new Set(await readdir(tokens).catch(() => []));
    const before = await files();
    expect(await cache({ cache: false })).toEqual(['off']);
    expect(await files()).toEqual(before);
    expect(await cache({})).toEqual(['miss']);
    const [made = ''] = [...(await files())].filter((name) => !before.has(name));
    expect(await cache({})).toEqual(['hit']);
    expect(await cache({ maxLength: 16 })).toEqual(['miss']);
    const bytes = await readFile(path.join(tokens, made));
    bytes[100]! ^= 1;
    await writeFile(path.join(tokens, made), bytes);
    expect(await cache({})).toEqual(['corrupt']);
    expect(await cache({})).toEqual(['hit']);
    await write(
      'cached/train.csv',
      csv(31, (i) => String(i % 2)),
    );
    expect(await cache({})).toEqual(['miss']);
  });

  it('is trained on, stated in the recipe, and scored by the names of its classes', async () => {
    const { result } = await call({
      dataset: 'reviews',
      dryRun: false,
      maxSteps: 2,
      out: 'run',
      metric: ['f1', 'accuracy'],
    });
    expect(result.evaluation[0]).toMatchObject({ task: 'reviews', split: 'train, held out', examples: 6 });
    expect(Object.keys(result.evaluation[0]!.metrics)).toEqual(['f1', 'accuracy']);
    const { dataset } = JSON.parse(await readFile(path.join(folder, 'run/recipe.json'), 'utf8'));
    expect(dataset.splits['train, held out']).toMatchObject({
      rows: 6,
      truncated: 0,
      heldOut: { of: 'train', share: 0.1, most: 5000, seed: 0 },
    });
    expect(dataset.task).toMatchObject({
      sentences: ['text'],
      labelColumn: 'label',
      idColumn: 'id',
      labels: ['neg', 'pos'],
    });
    const sample = JSON.parse(await readFile(path.join(folder, 'run/sample.json'), 'utf8'));
    const kept = JSON.parse(
      (await readFile(path.join(folder, 'run/predictions/reviews.ndjson'), 'utf8')).split('\n')[0]!,
    );
    expect(sample.inputs[0]).toEqual([`a text of some more length ${kept.id}`]);
    const context = { cwd: folder, env: { HF_HOME: home } };
    const scored = (data: string) => evaluate({ model: 'run', dataset: data, split: 'test', offline: true }, context);
    await write(
      'flipped/test.csv',
      csv(60, (i) => (i % 3 === 0 ? 'pos' : 'neg')),
    );
    const names = "class_label: {names: {'0': pos, '1': neg}}";
    await write('flipped/README.md', `---\ndataset_info:\n  features:\n  - name: label\n    dtype: {${names}}\n---\n`);
    const direct = await evaluate({ model: 'run', dataset: 'reviews', split: 'train', offline: true }, context);
    expect((await scored('flipped')).evaluation[0]!.metrics).toEqual(direct.evaluation[0]!.metrics);
    await write(
      'strange/test.csv',
      csv(6, (i) => (i % 3 === 0 ? 'hot' : 'cold')),
    );
    await expect(scored('strange')).rejects.toThrow(/expected the labels cold, hot of strange, got neg, pos/);
  });

  it('--packing: several rows in a sequence, stated in the recipe', async () => {
    const trained = async (packing: boolean, out: string) => {
      const { result } = await call({ dataset: 'reviews', dryRun: false, maxSteps: 2, out, packing });
      const { recipe } = JSON.parse(await readFile(path.join(folder, out, 'recipe.json'), 'utf8'));
      return { tokens: result.training.tokens, packing: recipe.packing };
    };
    const [packed, plain] = [await trained(true, 'packed'), await trained(false, 'plain')];
    expect([packed.packing, plain.packing]).toEqual([true, undefined]);
    expect(packed.tokens).not.toBe(plain.tokens);
  });
});
