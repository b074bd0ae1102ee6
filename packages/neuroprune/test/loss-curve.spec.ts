import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { adamwScalars, initialState, trainable } from '@neuroprune/autodiff';
import { encode, epochBatches, loadTokenizer, tasks } from '@neuroprune/evaluate';
import { readParquet } from '@neuroprune/hub';
import { loadModel } from '@neuroprune/models';
import { stepSignature } from '@neuroprune/onnx';
import { learningRate } from '@neuroprune/prune';
import { createTraining } from '@neuroprune/runtime';
import { expect, test } from 'vitest';

const shared = path.resolve(import.meta.dirname, '../../../../shared/hub');
const rows = path.join(shared, 'datasets/nyu-mll/glue/mrpc/train-00000-of-00001.parquet');
const folder = path.join(shared, 'models/sentence-transformers/all-MiniLM-L6-v2');
const full = process.env.NEUROPRUNE_CHECK === 'full';
/** Steps that are taken; the schedule spans all of the golden file's. */
const TAKEN = full ? 200 : 10;
const CHUNK = 5;

test.skipIf(!existsSync(rows) || !existsSync(folder))(
  `${TAKEN} dense steps of MiniLM on MRPC, dropout off, lose what PyTorch loses (skipped where ../shared is absent)`,
  { timeout: 900_000 },
  async () => {
    // Made by tools/golden/make_loss_curve.py from the same batches in the same order.
    const golden = JSON.parse(
      await readFile(path.join(import.meta.dirname, '../fixtures/loss-curve-mrpc.json'), 'utf8'),
    ) as { steps: number; losses: number[] };
    const { recipe } = tasks.mrpc;
    const train = encode(await loadTokenizer(folder), await readParquet(rows), tasks.mrpc, recipe.maxLength);
    const batches = [0, 1].flatMap((epoch) => {
      const list = epochBatches(train, { batchSize: recipe.batchSize, seed: 0, epoch });
      return Array.from({ length: list.length }, (_, i) => list.at(i)!);
    });
    const { model } = await loadModel(folder, { head: { numLabels: 2 }, seed: 0 });
    const step = trainable(model, { loss: 'crossEntropy', dropout: 0 });
    const signature = stepSignature(step);
    await using training = await createTraining(step, initialState(model, signature), { threads: 2 });
    const scalarsOf = (at: number) =>
      adamwScalars({
        lr: learningRate(at, { ...recipe, lr: recipe.learningRate, steps: golden.steps }),
        step: at,
        weightDecay: recipe.weightDecay,
      });
    const losses: number[] = [];
    for (let at = 0; at < TAKEN; at += CHUNK) {
      const each = Array.from({ length: CHUNK }, (_, i): Record<string, number> => scalarsOf(at + i + 1));
      const scalars = Object.fromEntries(signature.scalars.map((k) => [k, Float32Array.from(each, (s) => s[k]!)]));
      losses.push(...((await training.run(batches.slice(at, at + CHUNK), scalars)).loss ?? []));
    }
    const differences = losses.map((loss, i) => Math.abs(loss - (golden.losses[i] as number)));
    if (full) console.log(`largest difference of ${TAKEN} losses: ${Math.max(...differences).toExponential(2)}`);
    expect(differences).toHaveLength(TAKEN);
    expect(Math.max(...differences)).toBeLessThan(1e-3);
  },
);
