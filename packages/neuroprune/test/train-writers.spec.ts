import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { adamwScalars, initialState, trainable } from '@neuroprune/autodiff';
import { loadModel, readSafetensors } from '@neuroprune/models';
import { float32, stateOf, stepSignature, type Tensor } from '@neuroprune/onnx';
import { createInference } from '@neuroprune/runtime';
import { describe, expect, test } from 'vitest';
import { tokenLosses } from '../src/stages/token-losses.js';
import { root } from './command.js';

const tiny = path.resolve(root, '../shared/hub/models/tiny-random');
const models = ['bart', 'gpt2', 'llama', 'marian', 'opt', 'opt-350m-style', 'qwen2', 't5', 't5-v1_1'];

/** The loss before each of five AdamW steps and after the last, dropout off. */
async function losses(folder: string): Promise<number[]> {
  const loaded = await loadModel(folder);
  const { task, model, buffers } = loaded;
  const step = trainable(model, {
    loss: tokenLosses[task as keyof typeof tokenLosses],
    frozen: (name) => buffers.includes(name),
    noDecay: [],
    dropout: 0,
  });
  const signature = stepSignature(step);
  const state = new Map<string, Tensor>(initialState(model, signature));
  const golden = await readSafetensors(path.join(folder, 'golden.safetensors'), {
    only: (name) => /^(input_ids|attention_mask|decoder_input_ids|labels)$/.test(name),
  });
  const batch = new Map([...golden, ['weights', float32([1, 1, 1, 1])] as const]);
  await using session = await createInference(step);
  const made = ['loss', ...stateOf(signature).map(({ output }) => output)];
  const seen: number[] = [];
  for (let i = 0; i < 6; i++) {
    const scalars = adamwScalars({ lr: 1e-3, weightDecay: 0.01 }) as Record<string, number>;
    const given = signature.scalars.map((name) => [name, float32([scalars[name]!], [])] as const);
    const outputs = await session.run(new Map<string, Tensor>([...batch, ...given, ...state]), made);
    seen.push((outputs.get('loss')!.data as Float32Array)[0]!);
    for (const { input, output } of stateOf(signature)) state.set(input, outputs.get(output)!);
  }
  return seen;
}

describe.skipIf(!existsSync(tiny))('five AdamW steps lose what PyTorch’s lose (skipped without ../shared)', () => {
  test.each(models)('%s', async (name) => {
    const { adamw } = JSON.parse(readFileSync(path.join(tiny, name, 'golden.json'), 'utf8'));
    const got = await losses(path.join(tiny, name));
    const apart = got.map((loss, i) => Math.abs(loss / adamw.losses_f64[i] - 1));
    expect(Math.max(...apart)).toBeLessThan(2e-5);
  });
});
