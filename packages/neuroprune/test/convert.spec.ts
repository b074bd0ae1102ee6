import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { readSafetensors, writeSafetensors } from '@neuroprune/models';
import { float32, type Tensor } from '@neuroprune/onnx';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { convert, type RunEvent } from '../src/index.js';
import { root } from './command.js';

const fixtures = path.join(root, 'packages/models/fixtures');

let cwd = '';
beforeAll(async () => {
  cwd = await mkdtemp(path.join(os.tmpdir(), 'convert-'));
});
afterAll(() => rm(cwd, { recursive: true }));

let folders = 0;

/** A copy of a model of the repository, with changes to its configuration and its tensors. */
async function copied(name: string, config: object, change: (tensors: Map<string, Tensor>) => void = () => {}) {
  const folder = path.join(cwd, `model-${folders++}`);
  await cp(path.join(fixtures, name), folder, { recursive: true });
  const at = path.join(folder, 'config.json');
  await writeFile(at, JSON.stringify({ ...JSON.parse(await readFile(at, 'utf8')), ...config }));
  const weights = path.join(folder, 'model.safetensors');
  const tensors = await readSafetensors(weights);
  change(tensors);
  await writeSafetensors(weights, tensors);
  return folder;
}

describe('what a checkpoint has and a model does not, and the other way round', () => {
  test('is told by name', async () => {
    const events: RunEvent[] = [];
    const model = await copied('masked-lm/bert', { architectures: ['BertForSequenceClassification'] }, (tensors) =>
      tensors.set('some.adapter.weight', float32([1])),
    );
    await convert({ model, out: 'told' }, { cwd, onEvent: (event) => events.push(event) });
    const said = events.flatMap((event) =>
      event.type === 'note' || event.type === 'warning' ? [[event.type, event.message]] : [],
    );
    expect(said).toEqual([
      [
        'warning',
        'drawn at random, as the checkpoint lacks them: bert.pooler.dense.weight, bert.pooler.dense.bias, classifier.weight, classifier.bias',
      ],
      [
        'note',
        expect.stringMatching(
          /^of no use for this task and left out: .*cls\.predictions\.transform\.dense\.weight.*some\.adapter\.weight/,
        ),
      ],
    ]);
  });

  test('is cut where it is much', async () => {
    const events: RunEvent[] = [];
    const model = await copied('masked-lm/bert', {}, (tensors) => {
      for (let i = 10; i < 35; i++) tensors.set(`extra.${i}`, float32([1]));
    });
    await convert({ model, out: 'cut' }, { cwd, onEvent: (event) => events.push(event) });
    const [note] = events.flatMap((event) => (event.type === 'note' ? [event.message] : []));
    expect(note).toMatch(/extra\.10, .*extra\.29 and 5 more$/);
  });
});

test.each<[what: string, name: string, architectures: string, expected: string]>([
  [
    'a class for each token',
    'albert',
    'AlbertForTokenClassification',
    'AlbertForSequenceClassification or AlbertForMaskedLM',
  ],
  [
    'a head under the same names',
    'classifiers/llama',
    'LlamaForTokenClassification',
    'LlamaForCausalLM or LlamaForSequenceClassification',
  ],
  ['an encoder alone', 'classifiers/t5', 'T5EncoderModel', 'T5ForConditionalGeneration or T5ForSequenceClassification'],
])('a model of another class is no classifier: %s', async (_, name, architecture, expected) => {
  const model = await copied(name, { architectures: [architecture] });
  const converting = convert({ model, out: 'other' }, { cwd });
  await expect(converting).rejects.toThrow(
    `${model}: expected ${expected} under architectures in config.json, got ${architecture}`,
  );
  await expect(converting).rejects.toMatchObject({ kind: 'input' });
});

test('the bare class of a family is taken, with a head drawn at random', async () => {
  const model = await copied('albert', { architectures: ['AlbertModel'] }, (tensors) => {
    for (const name of ['classifier.weight', 'classifier.bias']) tensors.delete(name);
  });
  expect((await convert({ model, out: 'bare' }, { cwd })).files).toEqual([path.join('bare', 'onnx/model.onnx')]);
});

test.each(['onnx/model_quantized.onnx', 'onnx/decoder_model_merged.onnx'])(
  'a folder of which only %s is left',
  async (file) => {
    const model = path.join(cwd, `only-${path.basename(file, '.onnx')}`);
    await mkdir(path.join(model, 'onnx'), { recursive: true });
    await cp(path.join(fixtures, 'albert/config.json'), path.join(model, 'config.json'));
    await cp(path.join(fixtures, 'imported/bert-eager.onnx'), path.join(model, file));
    const listing = convert({ model, dryRun: true }, { cwd });
    await expect(listing).rejects.toThrow(
      `or the whole model in float32 as onnx/model.onnx, got ${file}; quantized models, and those in several files, cannot be trained (${model})`,
    );
    await expect(listing).rejects.toMatchObject({ kind: 'input' });
  },
);

test('only a classifier has labels', async () => {
  const listed = async (name: string) =>
    (await convert({ model: path.join(fixtures, name), dryRun: true }, { cwd })).layers;
  expect(await listed('albert')).toMatchObject({ task: 'sequence-classification', labels: 2 });
  expect(await listed('masked-lm/albert')).not.toHaveProperty('labels');
});
