import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { hasShared, modelFolder, temporaryFolder } from '../test/shared.js';
import { tinyConfig, tinyTensors } from '../test/tiny.js';
import { headOf } from './head.js';
import { loadModel } from './load-model.js';
import { readSafetensorsHeader } from './safetensors/read.js';
import { savedConfig, saveModel } from './save-model.js';

const config = tinyConfig({
  _name_or_path: 'somewhere/else',
  architectures: ['BertModel'],
  dtype: 'float16',
  transformers_version: '4.8.2',
  num_labels: 7,
  'transformers.js_config': { use_external_data_format: true },
  custom: [1, { a: 2 }],
});

test('the configuration names the class and the labels, and keeps what it does not know', () => {
  const head = headOf(config, { numLabels: 2, id2label: ['no', 'yes'] });
  const saved = savedConfig({ config, head });
  expect(saved).toMatchObject({
    model_type: 'bert',
    architectures: ['BertForSequenceClassification'],
    id2label: { 0: 'no', 1: 'yes' },
    label2id: { no: 0, yes: 1 },
    problem_type: 'single_label_classification',
    torch_dtype: 'float32',
    custom: [1, { a: 2 }],
  });
  for (const key of ['_name_or_path', 'dtype', 'transformers_version', 'num_labels', 'transformers.js_config'])
    expect(saved).not.toHaveProperty([key]);
});

test('a saved model is loaded again, tensor for tensor', async () => {
  const folder = path.join(await temporaryFolder(), 'model');
  const tensors = tinyTensors(config, 1);
  await saveModel(folder, { config, tensors, head: headOf(config, { numLabels: 1 }) });
  expect((await readdir(folder)).sort()).toEqual(['config.json', 'model.safetensors']);
  expect((await readSafetensorsHeader(path.join(folder, 'model.safetensors'))).metadata).toEqual({ format: 'pt' });
  const loaded = await loadModel(folder);
  expect(loaded.head).toEqual({ numLabels: 1, problemType: 'regression', id2label: ['LABEL_0'] });
  expect(Object.fromEntries(loaded.tensors)).toEqual(Object.fromEntries(tensors));
  const first = await readFile(path.join(folder, 'config.json'), 'utf8');
  await saveModel(folder, loaded);
  expect(await readFile(path.join(folder, 'config.json'), 'utf8')).toBe(first);
});

test.runIf(hasShared)(
  'a model that transformers saved comes out byte for byte (skipped without ../shared)',
  async () => {
    const [source, folder] = [modelFolder('tiny-random/bert'), await temporaryFolder()];
    await saveModel(folder, await loadModel(source));
    const weights = (from: string) => readFile(path.join(from, 'model.safetensors'));
    expect((await weights(folder)).equals(await weights(source))).toBe(true);
    const json = async (from: string) => JSON.parse(await readFile(path.join(from, 'config.json'), 'utf8'));
    const { dtype: _, transformers_version: __, ...kept } = await json(source);
    expect(await json(folder)).toMatchObject(kept);
  },
);
