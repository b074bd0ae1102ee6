import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { encoderJson, encoders } from '../test/families.js';
import { temporaryFolder } from '../test/shared.js';
import { tinyJson } from '../test/tiny.js';
import { writers } from '../test/writers.js';
import { readConfig } from './read-config.js';
import { architectures, type ModelType } from './registry.js';

async function otherClass(config: object): Promise<string | undefined> {
  const folder = await temporaryFolder();
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(config));
  return (await readConfig(folder)).otherClass;
}

/** How transformers calls each family. */
const bare = {
  albert: 'Albert',
  bart: 'Bart',
  bert: 'Bert',
  'deberta-v2': 'DebertaV2',
  distilbert: 'DistilBert',
  electra: 'Electra',
  gemma: 'Gemma',
  gpt2: 'GPT2',
  llama: 'Llama',
  marian: 'Marian',
  opt: 'OPT',
  qwen2: 'Qwen2',
  qwen3: 'Qwen3',
  roberta: 'Roberta',
  t5: 'T5',
  'xlm-roberta': 'XLMRoberta',
} satisfies Record<ModelType, string>;

test.each<[config: object, architectures: unknown, other: string | undefined]>([
  [tinyJson, ['BertForSequenceClassification'], undefined],
  [tinyJson, ['BertForMaskedLM'], undefined],
  [tinyJson, ['BertModel'], undefined],
  [tinyJson, [], undefined],
  [tinyJson, null, undefined],
  [tinyJson, ['BertForPreTraining'], 'BertForPreTraining'],
  [tinyJson, ['BertLMHeadModel'], 'BertLMHeadModel'],
  [{ ...tinyJson, is_decoder: true }, ['BertLMHeadModel'], undefined],
  [{ ...tinyJson, is_decoder: true }, ['BertModel'], undefined],
  [{ ...tinyJson, is_decoder: true }, ['BertForMaskedLM'], 'BertForMaskedLM'],
  [writers.bart, ['BartForCausalLM'], 'BartForCausalLM'],
  [writers['bart decoder'], ['BartForCausalLM'], undefined],
  [tinyJson, ['RobertaForMaskedLM'], 'RobertaForMaskedLM'],
  [writers.llama, ['LlamaForSequenceClassification'], undefined],
  [writers.llama, ['LlamaModel'], undefined],
  [writers.llama, ['LlamaForTokenClassification'], 'LlamaForTokenClassification'],
])('of %o with the classes %o the other one is %o', async (config, names, other) => {
  expect(await otherClass({ ...config, architectures: names })).toBe(other);
});

test.each([
  ...encoders.map((type) => [type, encoderJson(type)] as const),
  ...(['bart', 'gemma', 'gpt2', 'llama', 'marian', 'opt', 'qwen2', 'qwen3', 't5'] as const).map(
    (name) => [name, writers[name]] as const,
  ),
])('the bare class of %s is no other', async (type, config) => {
  expect(await otherClass({ ...config, architectures: [`${bare[type]}Model`] })).toBeUndefined();
  expect(await otherClass({ ...config, architectures: [`${bare[type]}ForTokenClassification`] })).toBeDefined();
});

test('each family is one file of at most 250 lines, its prunable groups in it', () => {
  const families = readdirSync(import.meta.dirname, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => [name, path.join(import.meta.dirname, name, `${name}.ts`)] as const)
    .filter(([name]) => name in architectures);
  expect(families.length).toBeGreaterThan(10);
  for (const [name, file] of families) {
    const text = readFileSync(file, 'utf8');
    expect([name, text.split('\n').length <= 251, /\bprunable\b/.test(text)]).toEqual([name, true, true]);
  }
});
