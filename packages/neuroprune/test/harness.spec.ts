import { appendFile, cp, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { METRICS_VERSION, metrics } from '@neuroprune/evaluate';
import { type LocalHub, startLocalHub } from '@neuroprune/local-hub';
import { saveModel } from '@neuroprune/onnx';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { devices } from '../../runtime/test/devices.js';
import { evaluate } from '../src/api.js';
import type { RunEvent } from '../src/events.js';
import type { VerbInput } from '../src/schema/verbs.js';
import type { Evaluated } from '../src/verbs/evaluate.js';
import { neuroprune, TOKEN, temporary } from './command.js';
import { ROWS, sines, tokenizer, writeClassifier, writeGlue } from './harness-models.js';

let folder = '';
let hub: LocalHub;
let remove = async (): Promise<void> => {};
const at = (name: string) => path.join(folder, name);
const env = () => ({ HF_ENDPOINT: hub.url, HF_HOME: at('home') });

beforeAll(async () => {
  ({ folder, remove } = await temporary());
  await writeGlue(at('seed/datasets/nyu-mll/glue'));
  await writeClassifier(at('seed/models/org/hosted'), sines(2), ['negative', 'positive']);
  hub = await startLocalHub({ root: at('hub'), token: TOKEN, seed: at('seed') });
  await writeClassifier(at('one'), sines(1), ['LABEL_0']);
  await writeClassifier(at('two'), sines(2), ['LABEL_0', 'LABEL_1']);
  await writeClassifier(at('other/two'), sines(2, { turn: 2.5 }), ['negative', 'positive']);
  await writeClassifier(at('other/wider'), sines(2, { turn: 2.5 }), ['LABEL_0', 'LABEL_1']);
  await writeClassifier(at('three'), sines(3), ['entailment', 'neutral', 'contradiction']);
});

afterAll(async () => {
  await hub.close();
  await remove();
});

type Options = Partial<VerbInput<'evaluate'>>;

async function call(options: Options): Promise<Evaluated & { readonly events: readonly RunEvent[] }> {
  const events: RunEvent[] = [];
  const context = { cwd: folder, env: env(), onEvent: (event: RunEvent) => events.push(event) };
  const given = { model: 'two', cache: false, resamples: 0, ...options };
  if (given.task === undefined && given.dataset === undefined) given.task = 'sst2';
  return { ...(await evaluate(given, context)), events };
}

const notes = ({ events }: { readonly events: readonly RunEvent[] }): string[] =>
  events.flatMap((event) => (event.type === 'note' || event.type === 'warning' ? [event.message] : []));
const read = (name: string) => readFile(at(name), 'utf8');
const lines = async (name: string) => (await read(name)).trimEnd().split('\n');

describe('tasks', () => {
  it('scores all nine tasks of GLUE, the mismatched split and AX, each by its model and metrics', async () => {
    const two = ['cola', 'sst2', 'mrpc', 'qqp', 'qnli', 'rte', 'wnli'].map((task) => `${task}=two`);
    const models = [...two, 'stsb=one', 'mnli=three', 'mnli-mm=three', 'ax=three'];
    const { task: _, ...all } = { model: models, cache: false, resamples: 0, task: undefined };
    const context = { cwd: folder, env: env() };
    const { evaluation } = await evaluate(all, context);
    const found = evaluation.map((row) => [row.task, row.split, row.examples, Object.keys(row.metrics).join()]);
    expect(found).toEqual([
      ['cola', 'validation', 40, 'matthews_correlation'],
      ['sst2', 'validation', 40, 'accuracy'],
      ['mrpc', 'validation', 40, 'accuracy,f1'],
      ['qqp', 'validation', 40, 'accuracy,f1'],
      ['qnli', 'validation', 40, 'accuracy'],
      ['rte', 'validation', 40, 'accuracy'],
      ['wnli', 'validation', 40, 'accuracy'],
      ['stsb', 'validation', 40, 'pearson,spearmanr'],
      ['mnli', 'validation_matched', 40, 'accuracy'],
      ['mnli-mm', 'validation_mismatched', 40, 'accuracy'],
      ['ax', 'test', 30, ''],
    ]);
    for (const { metrics } of evaluation) for (const value of Object.values(metrics)) expect(value).not.toBeNaN();
    expect(evaluation[0]).toMatchObject({
      version: 1,
      dataset: { id: 'nyu-mll/glue', config: 'cola', commit: hubCommit },
    });
  });

  const hubCommit = expect.stringMatching(/^[0-9a-f]{40}$/);

  it('scores AX by Matthews where its rows have labels, as a data set does that came by them', async () => {
    const seed = at('labelled/datasets/nyu-mll/glue');
    await cp(at('seed/datasets/nyu-mll/glue'), seed, { recursive: true });
    const file = path.join(seed, 'ax/test.jsonl');
    const rows = (await readFile(file, 'utf8')).split('\n');
    await writeFile(file, rows.map((row, i) => row.replace('"label":-1', `"label":${i % 3}`)).join('\n'));
    const other = await startLocalHub({ root: at('labelled-hub'), token: TOKEN, seed: at('labelled') });
    const context = { cwd: folder, env: { HF_ENDPOINT: other.url, HF_HOME: at('labelled-home') } };
    const { evaluation } = await evaluate({ model: 'three', task: 'ax', out: 'ax', resamples: 0 }, context);
    await other.close();
    const found = (await lines('ax/predictions/ax.ndjson')).map((line) => JSON.parse(line));
    const side = (name: string) => found.map((row) => row[name]);
    expect(evaluation[0]!.metrics).toEqual(metrics.matthewsCorrelation(side('prediction'), side('label')));
    expect(side('label').slice(0, 4)).toEqual([0, 1, 2, 0]);
  });

  it('a task with other classes than the model’s is refused before anything is scored', async () => {
    const scored = call({ model: ['two', 'three'], task: 'sst2', out: 'refused' });
    await expect(scored).rejects.toThrow(/three: expected the labels negative, positive of sst2/);
    await expect(scored).rejects.toThrow(/TASK=MODEL scores a model on that task alone$/);
    await expect(call({ model: 'three', task: 'sst2' })).rejects.toThrow(/one without a head too$/);
    await expect(readdir(at('refused'))).rejects.toThrow('ENOENT');
  });
});

describe('models', () => {
  it('takes Hub ids, folders and bare ONNX files, alike', async () => {
    await saveModel(sines(2), at('bare.onnx'));
    const model = ['org/hosted', 'two', 'two/onnx/model.onnx', 'bare.onnx'];
    const { evaluation, models } = await call({ model, tokenizer });
    expect(models).toEqual(model);
    expect(new Set(evaluation.map(({ metrics }) => metrics.accuracy)).size).toBe(1);
    await expect(call({ model: 'bare.onnx' })).rejects.toThrow(
      /bare\.onnx: expected a tokenizer\.json beside the file, got none .*; name its folder with --tokenizer/,
    );
  });

  it('takes the order of classes from config.json', async () => {
    await writeClassifier(at('reversed'), sines(2), ['positive', 'negative']);
    const [plain, reversed] = (await call({ model: ['other/two', 'two', 'reversed'] })).evaluation.slice(1);
    expect(plain!.metrics.accuracy! + reversed!.metrics.accuracy!).toBeCloseTo(1, 12);
    expect(plain!.metrics.accuracy).not.toBe(0.5);
  });

  it('compares several: one table, the best value marked, the chance of a difference, files apart', async () => {
    const model = ['two', 'other/two', 'sst2=two'];
    const { evaluation } = await call({
      model,
      task: ['sst2', 'rte'].slice(0, 1) as ['sst2'],
      out: 'compared',
      resamples: 300,
    });
    expect(evaluation.map((row) => row.predictions)).toEqual([
      'compared/predictions/two/sst2.ndjson',
      'compared/predictions/two-2/sst2.ndjson',
      'compared/predictions/two/sst2.ndjson',
    ]);
    const [first, second] = evaluation;
    expect(first).not.toHaveProperty('paired');
    expect(second!.paired!.accuracy!.difference).toBeCloseTo(second!.metrics.accuracy! - first!.metrics.accuracy!, 12);
    expect(second!.paired!.accuracy!.pValue).toBeGreaterThan(0);
    const [head, , row] = await lines('compared/evaluation.md');
    expect(head).toBe('| task | metric | two | other/two | examples |');
    expect(row).toMatch(
      /^\| sst2 \| accuracy \| 0\.\d{4} ± 0\.\d{4}\*? \| 0\.\d{4} ± 0\.\d{4}\*? \(p [\d.]+\) \| 40 \|$/,
    );
    expect(row!.match(/\*/g)).toHaveLength(1);
  });
});

describe('options', () => {
  it.each<
    [string, Options, Options, (result: Evaluated & { events: readonly RunEvent[] }) => unknown, unknown, unknown]
  >([
    ['limit', {}, { limit: 7 }, ({ evaluation }) => evaluation[0]!.examples, 40, 7],
    ['few', {}, { few: true }, ({ evaluation }) => evaluation[0]!.examples, 40, 16],
    ['split', {}, { split: 'test' }, ({ evaluation }) => evaluation[0]!.split, 'validation', 'test'],
    ['batchSize', {}, { batchSize: 9 }, ({ events }) => events.filter(({ type }) => type === 'evaluate').length, 2, 5],
    [
      'resamples',
      {},
      { resamples: 250 },
      ({ evaluation }) => evaluation[0]!.intervals.accuracy?.samples,
      undefined,
      250,
    ],
    [
      'latency',
      {},
      { latency: true, latencyRepeats: 2 },
      ({ latency }) => latency?.map((row) => `${row.batch}×${row.length}`),
      undefined,
      ['1×16', '32×16', '1×128', '32×128'],
    ],
    [
      'latencyBatch, latencyLength, latencyRepeats',
      { latency: true, latencyRepeats: 1, latencyBatch: 3, latencyLength: 5 },
      { latency: true, latencyRepeats: 4, latencyBatch: [2, 8], latencyLength: [4, 6] },
      ({ latency }) => latency?.map((row) => [row.batch, row.length, row.repeats].join()),
      ['3,5,1'],
      ['2,4,4', '8,4,4', '2,6,4', '8,6,4'],
    ],
  ])('%s', async (_, before, after, fact, expectedBefore, expectedAfter) => {
    expect(fact(await call(before))).toEqual(expectedBefore);
    expect(fact(await call(after))).toEqual(expectedAfter);
  });

  it('device: a GPU that is not there is refused', async () => {
    await expect(call({ device: 'cuda:63' })).rejects.toMatchObject({ kind: expect.stringMatching(/input|job/) });
  });

  it('latency: times with their spread in order, and rows a second', async () => {
    const { latency } = await call({
      latency: true,
      latencyRepeats: 5,
      latencyBatch: 4,
      latencyLength: 8,
      model: ['two', 'other/two'],
    });
    expect(latency!.map(({ model }) => model)).toEqual(['two', 'other/two']);
    for (const { medianMs, spreadMs, rowsPerSecond, warmUp, device } of latency!) {
      const [lowest, low, high, highest] = spreadMs;
      expect([lowest, low, medianMs, high, highest]).toEqual(
        [lowest, low, medianMs, high, highest].sort((a, b) => a - b),
      );
      expect(rowsPerSecond / (4000 / medianMs)).toBeCloseTo(1, 2);
      expect([warmUp, device]).toEqual([3, 'cpu']);
    }
  });

  it('latencyDevice: each device in its turn, and one that is not there is refused before the work', async () => {
    const plan = { latency: true, latencyRepeats: 1, latencyBatch: 2, latencyLength: 4 } as const;
    const there = devices.flatMap(({ device, absent }) => (absent === undefined ? [device] : []));
    const { latency } = await call({ ...plan, latencyDevice: there, model: ['two', 'other/two'] });
    const expected = there.flatMap((device) => ['two', 'other/two'].map((model) => [model, device]));
    expect(latency!.map(({ model, device }) => [model, device])).toEqual(expected);
    const refused = call({ ...plan, latencyDevice: ['cpu', 'cuda:63'], out: 'no-device' });
    await expect(refused).rejects.toMatchObject({ kind: 'input', message: expect.stringContaining('cuda:63') });
    await expect(readdir(at('no-device'))).rejects.toThrow('ENOENT');
  });

  it('failBelow: fails with every metric that is under its floor, and refuses one that holds for nothing', async () => {
    const { evaluation } = await call({ task: 'mrpc' });
    const { accuracy, f1 } = evaluation[0]!.metrics as { accuracy: number; f1: number };
    await call({ task: 'mrpc', failBelow: [`accuracy=${accuracy}`, `mrpc.f1=${f1}`] });
    const failed = call({ task: 'mrpc', failBelow: ['accuracy=0.99', 'mrpc.f1=0.98', `accuracy=${accuracy}`] });
    await expect(failed).rejects.toThrow(
      /^two on mrpc: expected accuracy of at least 0\.99, got 0\.\d+; two on mrpc: expected f1 of at least 0\.98, got 0\.\d+$/,
    );
    await expect(failed).rejects.toMatchObject({ kind: 'job', result: { evaluation: [{ task: 'mrpc' }] } });
    for (const floor of ['pearson=0.1', 'rte.accuracy=0.1']) {
      await expect(call({ task: 'mrpc', failBelow: floor })).rejects.toThrow(
        `--fail-below ${floor}: expected a metric that is scored, got none of that name; there are mrpc.accuracy, mrpc.f1`,
      );
    }
    // Before the work, but where only the rows tell: AX has no labels here.
    const late = call({ task: 'mrpc', out: 'mistyped', failAbove: 'acuracy=0.1' });
    await expect(late).rejects.toThrow('--fail-above acuracy=0.1: expected a metric that is scored');
    await expect(readdir(at('mistyped'))).rejects.toThrow('ENOENT');
    const unlabelled = call({ model: 'three', task: 'ax', failBelow: 'matthews_correlation=0' });
    await expect(unlabelled).rejects.toThrow(/there are none$/);
  });

  it('out: predictions and the tables in three forms, the same at every call', async () => {
    const files = async (out: string) => {
      const { evaluation } = await call({ out, task: ['sst2', 'mrpc'], resamples: 200 });
      expect(evaluation[0]!.predictions).toBe(`${out}/predictions/sst2.ndjson`);
      expect((await readdir(at(out))).sort()).toEqual([
        'evaluation.csv',
        'evaluation.json',
        'evaluation.md',
        'predictions',
      ]);
      const json = await read(`${out}/evaluation.json`);
      return [
        json.replaceAll(out, 'OUT'),
        await read(`${out}/evaluation.csv`),
        await read(`${out}/evaluation.md`),
        await read(`${out}/predictions/mrpc.ndjson`),
      ];
    };
    const [json, csv, markdown, predictions] = await files('first');
    expect(await files('second')).toEqual([json, csv, markdown, predictions]);
    const { evaluation } = JSON.parse(json!) as Evaluated;
    const { accuracy, f1 } = evaluation[1]!.metrics;
    const { low, high } = evaluation[1]!.intervals.f1!;
    const signature = `average:binary|version:neuroprune-${METRICS_VERSION}`;
    expect(evaluation[1]!.signatures).toEqual({ accuracy: `version:neuroprune-${METRICS_VERSION}`, f1: signature });
    expect(csv!.split('\r\n').at(3)!.trim()).toBe(`two,mrpc,1,validation,40,f1,${f1},${low},${high},${signature}`);
    expect(markdown).toContain(`| sst2, mrpc | accuracy | version:neuroprune-${METRICS_VERSION} |`);
    expect(markdown).toContain(`| mrpc | f1 | ${signature.replaceAll('|', '\\|')} |`);
    expect(low).toBeLessThan(f1!);
    expect(markdown).toContain(`| two | mrpc | accuracy | ${accuracy!.toFixed(4)} ± `);
    const rows = predictions!
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: ROWS.validation }, (_, i) => i));
    expect(rows.filter(({ label, prediction }) => label === prediction).length / 40).toBe(accuracy);
  });

  it('cache: predictions are found by model, task and options, and made anew where the file was damaged', async () => {
    const found = async (options: Options) => {
      const result = await call({ cache: true, task: 'rte', ...options });
      return [
        result.evaluation[0]!.metrics.accuracy,
        ...notes(result).filter((note) => /cache|expected predictions/.test(note)),
      ];
    };
    await cp(at('two'), at('copy'), { recursive: true });
    const [accuracy, ...first] = await found({});
    expect(first).toEqual([]);
    const hit = 'rte validation: predictions were in the cache';
    expect(await found({})).toEqual([accuracy, hit]);
    expect(await found({ model: 'copy' })).toEqual([accuracy, hit]);
    expect(await found({ cache: false })).toEqual([accuracy]);
    for (const other of [
      { limit: 9 },
      { batchSize: 7 },
      { task: 'qnli' as const },
      { split: 'test' },
      { threads: 1 },
      { model: 'other/wider' },
    ])
      expect((await found(other)).slice(1)).toEqual([]);
    const config = JSON.parse(await read('copy/config.json'));
    await writeFile(at('copy/config.json'), JSON.stringify({ ...config, hidden_size: 4 }));
    expect(await found({ model: 'copy' })).toEqual([accuracy]);
    const kept = at('home/assets/neuroprune/predictions');
    for (const name of await readdir(kept)) await appendFile(path.join(kept, name), '{}\n');
    expect((await found({}))[1]).toMatch(/expected predictions as they were written, got others; scoring again$/);
    expect(await found({})).toEqual([accuracy, hit]);
  });

  it('offline: works from the cache of the Hub alone', async () => {
    const before = await call({ model: 'org/hosted' });
    const context = { cwd: folder, env: { HF_ENDPOINT: 'http://127.0.0.1:1', HF_HOME: at('home') } };
    const options = { model: 'org/hosted', task: 'sst2', cache: false, resamples: 0 } as const;
    await expect(evaluate(options, context)).rejects.toThrow(/cannot be reached/);
    expect((await evaluate({ ...options, offline: true }, context)).evaluation).toEqual(before.evaluation);
  });
});

describe('glueSubmission', () => {
  const models = ['cola', 'sst2', 'mrpc', 'qqp', 'qnli', 'rte', 'wnli'].map((task) => `${task}=two`);

  it('writes the eleven files of the leaderboard for the test splits, MNLI’s model answering three', async () => {
    const context = { cwd: folder, env: env() };
    const warnings: string[] = [];
    const onEvent = (event: RunEvent) => event.type === 'warning' && warnings.push(event.message);
    const { submission } = await evaluate(
      { model: [...models, 'stsb=one', 'mnli=three'], glueSubmission: 'glue', cache: false },
      { ...context, onEvent },
    );
    expect(warnings).toEqual([]);
    // `mnli=three` names one task; the leaderboard's other two of its model come with it.
    const files = 'AX CoLA MNLI-m MNLI-mm MRPC QNLI QQP RTE SST-2 STS-B WNLI'.split(' ').map((name) => `${name}.tsv`);
    expect((await readdir(at('glue'))).sort()).toEqual(files.sort());
    expect([...submission!].sort()).toEqual(files.map((name) => `glue/${name}`));
    const words: Readonly<Record<string, RegExp>> = {
      'MNLI-m.tsv': /^(entailment|neutral|contradiction)$/,
      'MNLI-mm.tsv': /^(entailment|neutral|contradiction)$/,
      'AX.tsv': /^(entailment|neutral|contradiction)$/,
      'QNLI.tsv': /^(not_)?entailment$/,
      'RTE.tsv': /^(not_)?entailment$/,
      'STS-B.tsv': /^[0-5]\.\d{3}$/,
    };
    for (const name of files) {
      const [head, ...rows] = await lines(`glue/${name}`);
      expect(head).toBe('index\tprediction');
      expect(rows.map((row) => Number(row.split('\t')[0]))).toEqual(Array.from({ length: 30 }, (_, i) => i));
      for (const row of rows) expect(row.split('\t')[1]).toMatch(words[name] ?? /^[01]$/);
    }
  });

  it('says what the leaderboard misses: tasks, and rows', async () => {
    const missing =
      '--glue-submission: the leaderboard takes all files together, missing are CoLA.tsv, SST-2.tsv, STS-B.tsv, QQP.tsv, MNLI-m.tsv, QNLI.tsv, RTE.tsv, WNLI.tsv, MNLI-mm.tsv, AX.tsv';
    const first = '--glue-submission: the files hold the first rows alone, the leaderboard takes whole splits';
    expect(notes(await call({ task: 'mrpc', glueSubmission: 'part' }))).toEqual(expect.arrayContaining([missing]));
    const few = notes(await call({ task: 'mrpc', glueSubmission: 'part', few: true }));
    expect(few).toEqual(expect.arrayContaining([first, missing]));
    const all = notes(await call({ task: 'mrpc', glueSubmission: 'part' }));
    expect(all).not.toContain(first);
  });

  it('refuses two models for one task', async () => {
    const scored = call({ model: ['two', 'other/two'], glueSubmission: 'twice' });
    await expect(scored).rejects.toThrow(
      "--glue-submission: expected one model for sst2, got two and other/two; name each one's task: TASK=MODEL",
    );
  });
});

describe('the command', () => {
  const run = (line: string) => neuroprune([...line.split(' '), '--quiet'], { cwd: folder, env: env() });

  it('--format prints the forms, and --fail-below sets the exit code', async () => {
    const table = 'evaluate two --task sst2 --resamples 0';
    const accuracy = (await call({})).evaluation[0]!.metrics.accuracy!;
    const value = accuracy.toFixed(4);
    const [plain, markdown, csv, json, failed] = await Promise.all([
      run(table),
      run(`${table} --format markdown`),
      run(`${table} --format csv`),
      run(`${table} --format json`),
      run(`${table} --fail-below accuracy=0.999`),
    ]);
    expect(plain!.stdout).toMatch(new RegExp(`^two +sst2 +accuracy +${value} +validation +40$`, 'm'));
    expect(markdown!.stdout).toContain(`| two | sst2 | accuracy | ${value} | validation | 40 |`);
    expect(csv!.stdout).toContain(
      `two,sst2,1,validation,40,accuracy,${accuracy},,,version:neuroprune-${METRICS_VERSION}`,
    );
    expect(JSON.parse(json!.stdout)).toMatchObject({ evaluation: [{ metrics: { accuracy } }] });
    expect([plain!.code, failed!.code]).toEqual([0, 1]);
    expect(failed!.stdout).toBe(plain!.stdout);
    expect(failed!.stderr).toBe(
      `neuroprune: two on sst2: expected accuracy of at least 0.999, got ${Number(accuracy.toPrecision(6))}\n`,
    );
  });

  it.each([
    ['evaluate none --task sst2', /model none/],
    ['evaluate two --task sst2 --fail-below f1=0.5', /--fail-below f1=0\.5: expected a metric that is scored/],
    ['evaluate two', /--task: required without --dataset; expected one of .*mnli-mm, ax, .*perplexity.*, glue$/m],
    ['evaluate two --task sst2,ax', /two: expected the labels entailment, neutral, contradiction of ax/],
    ['evaluate sst2=two,three', /model 'two,three'/],
  ])('%s: exit code 2', async (line, message) => {
    const { code, stderr } = await run(line);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });
});
