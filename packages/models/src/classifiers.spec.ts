import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { fixtures } from '../test/families.js';
import { goldenTokens, logits, relativeError } from '../test/run.js';
import { hasShared, modelFolder, temporaryFolder } from '../test/shared.js';
import type { ModelConfig, Task } from './architecture.js';
import { headOf } from './head.js';
import { loadModel } from './load-model.js';
import { readSafetensors } from './safetensors/read.js';
import { savedConfig, saveModel } from './save-model.js';

const decoders = ['gemma', 'gpt2', 'llama', 'opt', 'opt-350m-style', 'qwen2', 'qwen3'];

describe.each(decoders)('%s that classifies by its last token', (name) => {
  const folder = path.join(fixtures, 'classifiers', name);

  test('logits are PyTorch’s, rows of every length; padding on the left changes none', async () => {
    const golden = await readSafetensors(path.join(folder, 'golden.safetensors'));
    const { model, unused, fresh, task } = await loadModel(folder);
    expect({ unused, fresh, task }).toEqual({ unused: [], fresh: [], task: 'sequence-classification' });
    const expected = golden.get('f64.logits')?.data as Float64Array;
    const given = goldenTokens(golden);
    expect(relativeError(await logits(model, given), expected)).toBeLessThan(1e-5);
    if (name !== 'opt' && name !== 'opt-350m-style') return;
    // OPT counts positions by the mask, as no other of these does by itself.
    const flipped = (values: readonly number[]) =>
      Array.from({ length: given.batch }, (_, row) => {
        const cells = values.slice(row * given.sequence, (row + 1) * given.sequence);
        const real = given.attention_mask.slice(row * given.sequence, (row + 1) * given.sequence);
        const count = real.reduce((sum, x) => sum + x, 0);
        return [...cells.slice(count), ...cells.slice(0, count)];
      }).flat();
    const left = { ...given, input_ids: flipped(given.input_ids), attention_mask: flipped(given.attention_mask) };
    expect(relativeError(await logits(model, left), expected)).toBeLessThan(1e-5);
  });

  test('a checkpoint that writes is given a head for classes, and saved under its class', async () => {
    const writes = await loadModel(folder, { task: 'causal-lm' }).catch((error: Error) => error.message);
    const target = await temporaryFolder();
    const fresh = await loadModel(folder, { head: { numLabels: 3 } });
    await saveModel(target, fresh);
    const again = await loadModel(target);
    expect([again.task, [...again.tensors]]).toEqual(['sequence-classification', [...fresh.tensors]]);
    expect(again.config.architectures).toEqual([expect.stringMatching(/ForSequenceClassification$/)]);
    // Where words and logits share a table, the same file writes too; else its head for words is missed by name.
    if (typeof writes === 'string') expect(writes).toContain('lm_head.weight: expected among the weights, got none');
    else expect(writes.unused).toEqual(['score.weight']);
  });
});

test('a file that writes loads as such, and with a fresh head for classes where one is asked for', async () => {
  const folder = path.join(fixtures, 'writers/qwen3');
  const asked = { numLabels: 2, id2label: ['no', 'yes'] };
  const [writes, classifies] = [await loadModel(folder), await loadModel(folder, { head: asked })];
  expect([writes.task, writes.fresh]).toEqual(['causal-lm', []]);
  expect([classifies.task, classifies.fresh]).toEqual(['sequence-classification', ['score.weight']]);
  expect(classifies.model.graph.outputs[0]?.shape).toEqual(['batch', 2]);
});

test('a decoder without padding is saved with its end of text for it, by which transformers finds the last token', async () => {
  const { pad_token_id: _, ...config } = (await loadModel(path.join(fixtures, 'classifiers/gpt2'))).config;
  const head = headOf(config as ModelConfig, { numLabels: 3 });
  const saved = (more: object, task?: Task) =>
    savedConfig({ config: { ...config, ...more } as ModelConfig, head, ...(task && { task }) });
  expect(saved({})).toMatchObject({ pad_token_id: 2 });
  expect(saved({ pad_token_id: null, eos_token_id: [7, 8] })).toMatchObject({ pad_token_id: 7 });
  expect(saved({ pad_token_id: 5 })).toMatchObject({ pad_token_id: 5 });
  expect(saved({}, 'causal-lm')).not.toHaveProperty('pad_token_id');
});

describe.each(['bart', 't5'])('%s that classifies by the last end of text', (name) => {
  const folder = path.join(fixtures, 'classifiers', name);

  test('logits are PyTorch’s, rows of every length', async () => {
    const golden = await readSafetensors(path.join(folder, 'golden.safetensors'));
    const { model, unused, fresh, task } = await loadModel(folder);
    expect({ unused, fresh, task }).toEqual({ unused: [], fresh: [], task: 'sequence-classification' });
    const expected = golden.get('f64.logits')?.data as Float64Array;
    const given = goldenTokens(golden);
    expect(relativeError(await logits(model, given), expected)).toBeLessThan(1e-5);
    // What stands behind the last end is read by the encoder alone, which the mask hides it from.
    const other = given.input_ids.map((id, i) => (given.attention_mask[i] === 0 ? 7 : id));
    expect(relativeError(await logits(model, { ...given, input_ids: other }), expected)).toBeLessThan(1e-5);
  });

  test.skipIf(name === 't5')('writes too, without its head; a head of other labels is drawn', async () => {
    const writes = await loadModel(folder, { task: 'seq2seq-lm' });
    expect([writes.task, writes.fresh]).toEqual(['seq2seq-lm', []]);
    expect(writes.unused.every((name) => name.startsWith('classification_head.'))).toBe(true);
    const target = await temporaryFolder();
    await saveModel(target, { ...writes, tensors: writes.tensors });
    const { fresh, model } = await loadModel(target, { head: { numLabels: 5 } });
    expect(fresh.map((name) => name.replace(/^classification_head\./, ''))).toEqual([
      ...['dense.weight', 'dense.bias', 'out_proj.weight', 'out_proj.bias'],
    ]);
    expect(model.graph.outputs[0]?.shape).toEqual(['batch', 5]);
  });
});

test.skipIf(!hasShared)(
  'a T5 that writes is given a head for classes, saved under its class and its names (skipped without ../shared/hub)',
  async () => {
    const target = await temporaryFolder();
    const given = await loadModel(modelFolder('tiny-random/t5'), { head: { numLabels: 3 } });
    expect(given.fresh).toHaveLength(4);
    expect(given.prunable[0]?.layer).toBe('transformer.encoder.block.0');
    await saveModel(target, given);
    const again = await loadModel(target);
    expect([again.task, again.fresh, again.unused]).toEqual(['sequence-classification', [], []]);
    expect(again.config.architectures).toEqual(['T5ForSequenceClassification']);
    expect([...again.tensors]).toEqual([...given.tensors]);
    expect(again.model.graph.outputs[0]?.shape).toEqual(['batch', 3]);
  },
);
