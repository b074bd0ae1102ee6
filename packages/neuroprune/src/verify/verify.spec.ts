import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readSafetensors, writeSafetensors } from '@neuroprune/models';
import { float32, type Tensor } from '@neuroprune/onnx';
import { describe, expect, onTestFinished, test } from 'vitest';
import { verifyGolden } from './verify.js';

const shared = path.resolve(import.meta.dirname, '../../../../../shared');
const tiny = path.join(shared, 'hub/models/tiny-random');
const bert = path.join(tiny, 'bert');
const miniLM = path.join(shared, 'hub/models/sentence-transformers/all-MiniLM-L6-v2');

/** Models that write text, with their number of trained parameters. */
const writers = [
  ['bart', 91],
  ['gpt2', 28],
  ['llama', 21],
  ['marian', 85],
  ['opt', 36],
  ['opt-350m-style', 36],
  ['qwen2', 26],
  ['t5', 47],
  ['t5-v1_1', 38],
] as const;

async function folder(): Promise<string> {
  const made = await mkdtemp(path.join(tmpdir(), 'verify-'));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return made;
}

/** A safetensors file with some tensors replaced, or taken out where the change is undefined. */
async function changed(
  source: string,
  target: string,
  changes: Readonly<Record<string, ((t: Tensor) => Tensor) | Tensor | undefined>>,
): Promise<string> {
  const tensors = await readSafetensors(source);
  for (const [name, change] of Object.entries(changes)) {
    const value = typeof change === 'function' ? change(tensors.get(name)!) : change;
    if (value) tensors.set(name, value);
    else tensors.delete(name);
  }
  await writeSafetensors(target, tensors);
  return target;
}

const golden = path.join(bert, 'golden.safetensors');
const changedGolden = async (changes: Parameters<typeof changed>[2]) =>
  changed(golden, path.join(await folder(), 'golden.safetensors'), changes);

const shifted = (t: Tensor): Tensor => {
  const data = Float64Array.from(t.data as Float64Array);
  data[0] = (data[0] as number) + 0.01;
  return { ...t, data } as Tensor;
};

const fixtures = path.resolve(import.meta.dirname, '../../../models/fixtures');

describe('convert --verify against PyTorch, on the goldens of the models package', () => {
  test.each([
    ['albert', 43],
    ['deberta-v2', 46],
    ['masked-lm/albert', 44],
    ['masked-lm/bert', 42],
    ['masked-lm/deberta-v2', 43],
    ['masked-lm/distilbert', 41],
    ['masked-lm/electra', 44],
    ['masked-lm/roberta', 42],
    ['masked-lm/xlm-roberta', 42],
    ['classifiers/bart', 95],
    ['classifiers/gemma', 21],
    ['classifiers/gpt2', 29],
    ['classifiers/llama', 21],
    ['classifiers/opt', 37],
    ['classifiers/opt-350m-style', 37],
    ['classifiers/qwen2', 27],
    ['classifiers/qwen3', 25],
    ['classifiers/t5', 55],
  ])('%s: logits, loss and the gradient of every parameter', async (name, parameters) => {
    const model = path.join(fixtures, name);
    const { rows, ok } = await verifyGolden({ model, golden: path.join(model, 'golden.safetensors') });
    expect(rows.filter((row) => !row.ok)).toEqual([]);
    expect(ok).toBe(true);
    expect(rows).toHaveLength(2 + parameters);
  });
});

test.each([
  ['qwen3', 24],
  ['gemma', 20],
  ['llama-3', 34],
  ['llama-linear', 21],
])('%s of the repository: logits, loss and the gradient of every parameter', async (name, parameters) => {
  const model = path.join(fixtures, 'writers', name);
  const { rows, ok } = await verifyGolden({ model, golden: path.join(model, 'golden.safetensors') });
  expect(rows.filter((row) => !row.ok)).toEqual([]);
  expect([ok, rows.length]).toEqual([true, 2 + parameters]);
});

describe.skipIf(!existsSync(shared))('convert --verify against PyTorch (skipped without ../shared)', () => {
  test.each([
    ['tiny-random/bert', bert, golden, 41],
    [
      'tiny-random/bert-regression',
      path.join(tiny, 'bert-regression'),
      path.join(tiny, 'bert-regression/golden.safetensors'),
      41,
    ],
    ...(['roberta', 'distilbert', 'electra'] as const).map(
      (name, i) =>
        [
          `tiny-random/${name}`,
          path.join(tiny, name),
          path.join(tiny, name, 'golden.safetensors'),
          [41, 40, 43][i],
        ] as const,
    ),
    ['all-MiniLM-L6-v2', miniLM, path.join(shared, 'golden/models/all-MiniLM-L6-v2/golden.safetensors'), 105],
    ...writers.map(
      ([name, parameters]) =>
        [
          `tiny-random/${name}`,
          path.join(tiny, name),
          path.join(tiny, name, 'golden.safetensors'),
          parameters,
        ] as const,
    ),
    [
      'stories260K',
      path.join(shared, 'hub/models/karpathy/stories260K'),
      path.join(shared, 'golden/models/stories260K/golden.safetensors'),
      47,
    ],
  ])('%s: logits, loss and the gradient of every parameter', async (_, model, file, parameters) => {
    const { rows, ok } = await verifyGolden({ model, golden: file });
    expect(rows.filter((row) => !row.ok)).toEqual([]);
    expect(ok).toBe(true);
    expect(rows).toHaveLength(2 + parameters);
  });

  test.each<[what: string, changes: Parameters<typeof changed>[2], bad: object]>([
    ['another logit', { 'f64.logits': shifted }, { name: 'logits' }],
    ['another loss', { 'f64.loss': shifted }, { name: 'loss' }],
    ['another gradient', { 'f64.grad.classifier.bias': shifted }, { name: 'grad.classifier.bias' }],
    [
      'a gradient left out',
      { 'grad.classifier.bias': undefined, 'f64.grad.classifier.bias': undefined },
      { name: 'grad.classifier.bias', problem: 'missing in the golden file' },
    ],
    [
      'a gradient of nothing',
      { 'grad.none.weight': float32([1]) },
      { name: 'grad.none.weight', problem: 'missing in the model' },
    ],
    ['no loss', { loss: undefined, 'f64.loss': undefined }, { name: 'loss', problem: 'missing in the golden file' }],
  ])('a golden file with %s fails in that row alone', async (_, changes, bad) => {
    const { rows, ok } = await verifyGolden({ model: bert, golden: await changedGolden(changes) });
    expect(ok).toBe(false);
    expect(rows[0]).toMatchObject({ ...bad, ok: false });
    expect(rows.filter((row) => !row.ok)).toHaveLength(1);
  });

  test('a model with one weight changed fails', async () => {
    const copy = path.join(await folder(), 'bert');
    await cp(bert, copy, { recursive: true });
    const name = 'bert.encoder.layer.1.attention.self.value.weight';
    await changed(path.join(bert, 'model.safetensors'), path.join(copy, 'model.safetensors'), {
      [name]: (t) =>
        float32(
          (t.data as Float32Array).map((x, i) => (i === 0 ? x + 1 : x)),
          t.dims,
        ),
    });
    expect((await verifyGolden({ model: copy, golden })).ok).toBe(false);
  });

  test('float32 values serve where the file has no float64 ones', async () => {
    const all = [...(await readSafetensors(golden)).keys()].filter((name) => name.startsWith('f64.'));
    const file = await changedGolden(Object.fromEntries(all.map((name) => [name, undefined])));
    expect((await verifyGolden({ model: bert, golden: file })).ok).toBe(true);
  });

  test('rows labelled -100 take no part in the loss', async () => {
    const first = (t: Tensor) =>
      ({ ...t, data: (t.data as BigInt64Array).map((label, i) => (i === 0 ? -100n : label)) }) as Tensor;
    const { rows } = await verifyGolden({ model: bert, golden: await changedGolden({ labels: first }) });
    const logits = (await readSafetensors(golden)).get('f64.logits')!;
    const labels = (await readSafetensors(golden)).get('labels')!.data as BigInt64Array;
    const [, columns = 0] = logits.dims;
    const nll = Array.from(labels, (label, row) => {
      const z = Array.from(logits.data as Float64Array).slice(row * columns, (row + 1) * columns);
      return Math.log(z.reduce((sum, x) => sum + Math.exp(x), 0)) - (z[Number(label)] as number);
    });
    const mean = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
    const expected = Math.abs(mean(nll.slice(1)) - mean(nll));
    expect(rows.find((row) => row.name === 'loss')?.maxAbs).toBeCloseTo(expected, 5);
  });

  test.each<[what: string, changes: Parameters<typeof changed>[2], message: string]>([
    ['no labels', { labels: undefined }, 'golden.safetensors: expected a tensor labels, got none'],
    ['no inputs', { input_ids: undefined }, 'expected a tensor input_ids'],
    [
      'a mask of another shape',
      { attention_mask: (t) => ({ ...t, dims: [...t.dims].reverse() }) },
      'attention_mask: expected int64',
    ],
    [
      'three columns of logits',
      { logits: float32(new Float32Array(12), [4, 3]) },
      'classifier.weight: expected [3,32], got [2,32]',
    ],
  ])('%s is bad input', async (_, changes, message) => {
    const verifying = verifyGolden({ model: bert, golden: await changedGolden(changes) });
    await expect(verifying).rejects.toThrow(message);
    await expect(verifying).rejects.toMatchObject({ kind: 'input' });
  });

  test('a head that neither side has, and files that are no golden', async () => {
    await expect(verifyGolden({ model: miniLM, golden })).rejects.toThrow(
      'classifier.weight: expected in the model or in the golden',
    );
    const text = path.join(await folder(), 'golden.safetensors');
    await writeFile(text, 'not a golden file at all');
    await expect(verifyGolden({ model: bert, golden: text })).rejects.toMatchObject({ kind: 'input' });
    await expect(verifyGolden({ model: bert, golden: `${text}.none` })).rejects.toMatchObject({ kind: 'input' });
  });
});
