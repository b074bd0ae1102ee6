// What masks and mask events add to a step, by itself: the same steps without masks, with masks, and with an event every 16 steps.
//   node bench/events.mjs [--device cuda] [--shape minilm-16x64,bert-base] [--precision tf32] [--steps 96] [--repeats 3] [--threads N] [--dropout P]
// A step's time is the difference of runs of twice as many and of as many steps, so that what crosses before and after a run
// is not in it. Head elimination, which stops a run, is timed by the table `adds` of speed.mjs.
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { adamwScalars, dropoutScalars, initialState, trainable } from '@neuroprune/autodiff';
import { loadModel, prunableWeights } from '@neuroprune/models';
import { stepSignature } from '@neuroprune/onnx';
import { createTraining, EVENT } from '@neuroprune/runtime';
import { EVENT_SPARSITY, maskEvent } from '../packages/prune/dist/event/mask-event.js';
import { median, ms, spread } from './measure.mjs';
import { batchesOf, losses, prepareShape, shapes } from './shapes.mjs';

const { values: flags } = parseArgs({
  options: {
    device: { type: 'string', default: 'cuda' },
    shape: { type: 'string', default: 'minilm-16x64,bert-base' },
    precision: { type: 'string', default: 'tf32' },
    steps: { type: 'string', default: '96' },
    repeats: { type: 'string', default: '3' },
    threads: { type: 'string', default: String(os.availableParallelism()) },
    dropout: { type: 'string', default: '0' },
  },
});
const [steps, repeats, dropout] = [flags.steps, flags.repeats, flags.dropout].map(Number);
const method = { name: 'neuroprune', solver: 'threshold', sparsity: 0.7, outGrouping: 'joint', gamma: 1 };
const variants = { dense: {}, masked: { masks: true }, events: { masks: true, events: true } };

/** Milliseconds a step of each repeat. */
async function timesOf({ model, prunable }, shape, { masks, events }) {
  const masked = masks ? prunable.flatMap((group) => prunableWeights(group)) : [];
  const isGpu = flags.device !== 'cpu';
  const step = trainable(model, {
    loss: losses[shape.kind],
    dropout,
    masked,
    gradNorm: true,
    ...(isGpu && { masksTogether: 7 }),
    ...(flags.device === 'webgpu' && { stackLimit: 7 }),
    ...(/^(fp16|bf16)$/.test(flags.precision) && { precision: flags.precision }),
  });
  const signature = stepSignature(step);
  const state = initialState(model, signature);
  const event = events && maskEvent(signature, prunable, method);
  const threads = Number(flags.threads);
  const largest = () => shape;
  const options = { device: flags.device, threads, largest, ...(event && { event }) };
  const training = await createTraining(step, state, options);
  const batches = batchesOf(shape, 4).map((batch) => ({
    ...batch,
    inputs: Object.fromEntries(Object.entries(batch.inputs).map(([name, ids]) => [name, Int32Array.from(ids)])),
    labels: Int32Array.from(batch.labels),
    weights: Float32Array.from(batch.weights),
  }));
  const run = async (count) => {
    const numbers = {
      ...adamwScalars({ lr: 1e-4, weightDecay: 0.01 }),
      ...dropoutScalars(0, 1),
      [EVENT_SPARSITY]: 0.5,
    };
    const scalars = Object.fromEntries(
      training.signature.scalars.map((name) => [
        name,
        Float32Array.from({ length: count }, (_, i) => (name === EVENT ? Number(i % 16 === 15) : numbers[name])),
      ]),
    );
    const list = Array.from({ length: count }, (_, i) => batches[i % batches.length]);
    const start = performance.now();
    await training.run(list, scalars);
    return performance.now() - start;
  };
  await run(32);
  const times = [];
  for (let i = 0; i < repeats; i++) {
    const short = await run(steps);
    times.push(((await run(2 * steps)) - short) / steps);
  }
  await training.close();
  return times;
}

console.log(`${flags.device}, ${flags.precision}, dropout ${dropout}, ${steps} steps, ${repeats} repeats; ms a step`);
console.log('| shape | dense | with masks | adds | and an event every 16 steps | adds |');
console.log('| --- | --- | --- | --- | --- | --- |');
for (const name of flags.shape.split(',')) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'neuroprune-events-'));
  try {
    await prepareShape(shapes[name], folder);
    const times = {};
    for (const [variant, options] of Object.entries(variants))
      times[variant] = await timesOf(await loadModel(path.join(folder, 'model')), shapes[name], options);
    const adds = (variant) => `${(100 * (median(times[variant]) / median(times.dense) - 1)).toFixed(1)} %`;
    const cells = [spread(times.dense), spread(times.masked), adds('masked'), spread(times.events), adds('events')];
    console.log(`| ${[name, ...cells].join(' | ')} |`);
    console.error(`${name} an event: ${ms(16 * (median(times.events) - median(times.masked)))} ms`);
  } finally {
    await rm(folder, { recursive: true });
  }
}
