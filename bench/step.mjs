// Times NeuroPrune's training step in this process: node bench/step.mjs '{"folder": …, "warmup": …, "steps": …}'
// Prints one JSON line: milliseconds a step over the measured steps, and every step's loss.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { adamwScalars, dropoutScalars, initialState, trainable } from '@neuroprune/autodiff';
import { loadModel } from '@neuroprune/models';
import { stepSignature } from '@neuroprune/onnx';
import { createTraining } from '@neuroprune/runtime';

const { folder, warmup, steps, chunk, lr, weightDecay, dropout, threads } = JSON.parse(process.argv[2]);

const batches = JSON.parse(await readFile(path.join(folder, 'batches.json'), 'utf8')).map((batch) => ({
  ...batch,
  inputs: Object.fromEntries(Object.entries(batch.inputs).map(([name, values]) => [name, Int32Array.from(values)])),
  labels: Int32Array.from(batch.labels),
  weights: Float32Array.from(batch.weights),
}));

const { model } = await loadModel(path.join(folder, 'model'));
const step = trainable(model, { loss: 'crossEntropy', dropout });
const signature = stepSignature(step);
const training = await createTraining(step, initialState(model, signature), { threads });

/** Takes steps `from` to `to`; returns their losses. */
async function run(from, to) {
  const each = Array.from({ length: to - from }, (_, i) => ({
    ...adamwScalars({ lr, weightDecay }),
    ...dropoutScalars(0, from + i + 1),
  }));
  const scalars = Object.fromEntries(signature.scalars.map((name) => [name, Float32Array.from(each, (s) => s[name])]));
  return [...(await training.run(batches.slice(from, to), scalars)).loss];
}

const losses = warmup > 0 ? await run(0, warmup) : [];
const started = performance.now();
for (let at = warmup; at < warmup + steps; at += chunk) {
  losses.push(...(await run(at, Math.min(at + chunk, warmup + steps))));
}
const ms = (performance.now() - started) / steps;
await training.close();
console.log(JSON.stringify({ ms, losses }));
