import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import {
  AutoModelForMaskedLM,
  AutoModelForSequenceClassification,
  AutoTokenizer,
  env,
  Tensor,
} from '@huggingface/transformers';
import { readSafetensors } from '@neuroprune/models';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { convert } from '../src/api.js';
import { root } from './command.js';

const random = path.resolve(root, '../shared/hub/models/tiny-random');
const fixtures = path.join(root, 'packages/models/fixtures');
const classifiers = [
  ...['roberta', 'distilbert', 'electra'].map((name) => path.join(random, name)),
  ...['albert', 'deberta-v2'].map((name) => path.join(fixtures, name)),
].map((folder) => [path.basename(folder), folder] as const);
const types = ['albert', 'bert', 'deberta-v2', 'distilbert', 'electra', 'roberta', 'xlm-roberta'];

let cwd = '';
beforeAll(async () => {
  cwd = await mkdtemp(path.join(os.tmpdir(), 'encoders-'));
  env.allowRemoteModels = false;
  env.localModelPath = cwd;
});
afterAll(() => rm(cwd, { recursive: true }));

const names = ['input_ids', 'attention_mask', 'token_type_ids'];

/** PyTorch's logits for a golden's rows, and these rows as transformers.js takes them. */
async function goldenOf(folder: string) {
  const golden = await readSafetensors(path.join(folder, 'golden.safetensors'));
  const given = [...golden].filter(([name]) => names.includes(name));
  const inputs = given.map(([name, t]) => [name, new Tensor('int64', t.data as BigInt64Array, [...t.dims])]);
  return { inputs: Object.fromEntries(inputs), expected: Array.from(golden.get('f64.logits')?.data as Float64Array) };
}

const difference = (actual: ArrayLike<number>, expected: readonly number[]) =>
  Math.max(...expected.map((e, i) => Math.abs(e - (actual[i] ?? Number.POSITIVE_INFINITY))));

describe.each(classifiers)('%s in transformers.js (skipped without its folder)', (name, folder) => {
  test.skipIf(!existsSync(folder))(
    'logits of our file are PyTorch’s, and its tokenizer gives what it reads',
    async () => {
      await convert({ model: folder, out: name }, { cwd });
      const model = await AutoModelForSequenceClassification.from_pretrained(name, { dtype: 'fp32' });
      const { inputs, expected } = await goldenOf(folder);
      expect(difference((await model(inputs)).logits.data, expected)).toBeLessThan(1e-4);

      const tokenizer = await AutoTokenizer.from_pretrained(name);
      const [pair] = JSON.parse(readFileSync(path.join(folder, 'golden.json'), 'utf8')).tokenizer_pairs;
      const encoded = tokenizer(pair.text, { text_pair: pair.pair });
      expect(encoded.input_ids.tolist()[0].map(Number)).toEqual(pair.input_ids);
      expect((await model(encoded)).logits.data.every(Number.isFinite)).toBe(true);
    },
  );
});

test.each(types)('%s: masked words in transformers.js', async (type) => {
  const folder = path.join(fixtures, 'masked-lm', type);
  await convert({ model: folder, out: `masked-${type}` }, { cwd });
  const model = await AutoModelForMaskedLM.from_pretrained(`masked-${type}`, { dtype: 'fp32' });
  const { inputs, expected } = await goldenOf(folder);
  expect(difference((await model(inputs)).logits.data, expected)).toBeLessThan(1e-4);
});
