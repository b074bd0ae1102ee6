// Times steps of NeuroPrune's trainer in this process: node bench/step.mjs '{"folder": …, "steps": …}'
// Prints one JSON line: milliseconds a step from step `from` to step `to`, losses as the trainer tells them, memory, versions.
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { loadModel } from '@neuroprune/models';
import { train } from '@neuroprune/prune';
import { losses as lossOf } from './shapes.mjs';

const base = process.memoryUsage.rss();
const job = JSON.parse(process.argv[2]);
const { folder, steps, lr, weightDecay, dropout, threads, from = 0, to = steps, kind = 'classes' } = job;
const { device = 'cpu', precision = 'fp32', method = 'dense', batches: file = 'batches.json' } = job;

/** What the trainer is asked for by the name of a method; the mask events of `threshold` come every 16 steps. */
const methods = {
  dense: { name: 'dense' },
  threshold: { name: 'neuroprune', solver: 'threshold', sparsity: 0.7, outGrouping: 'joint', gamma: 1 },
  subgradient: { name: 'neuroprune', solver: 'subgradient', alpha: 1e-4, beta: 1e-4, outGrouping: 'joint' },
};

const batches = JSON.parse(await readFile(path.join(folder, file), 'utf8')).map((batch) => ({
  ...batch,
  inputs: Object.fromEntries(Object.entries(batch.inputs).map(([name, values]) => [name, Int32Array.from(values)])),
  labels: Int32Array.from(batch.labels),
  weights: Float32Array.from(batch.weights),
}));
const { model, prunable, buffers } = await loadModel(path.join(folder, 'model'));

/** The most that processes of this one's held: sessions on a GPU live in one. Nothing where the system does not say. */
function peakOfChildren() {
  const statusOf = (pid) => {
    try {
      return readFileSync(`/proc/${pid}/status`, 'utf8');
    } catch {
      return ''; // it has ended
    }
  };
  const pids = process.platform === 'linux' ? readdirSync('/proc').filter((name) => /^\d+$/.test(name)) : [];
  const own = pids.map(statusOf).filter((status) => Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]) === process.pid);
  return own.reduce((sum, status) => sum + 1024 * Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0), 0);
}

let children = 0;
const told = [];
const enough = new AbortController();
await train(
  {
    model,
    groups: prunable,
    loss: lossOf[kind],
    method: methods[method],
    batches: () => ({ length: steps, at: (i) => batches[i % batches.length] }),
    epochs: 1,
    lr,
    schedule: 'constant',
    warmup: 0,
    weightDecay,
    dropout,
    seed: 0,
    session: { device, threads },
    maxLength: Math.max(...batches.map(({ length }) => length)),
    ...(buffers.length > 0 && { freeze: buffers }),
    ...(/^(fp16|bf16)$/.test(precision) && { precision }),
  },
  {
    onEvent: (event) => {
      if (event.type !== 'train') return;
      told.push({ step: event.step, loss: event.loss, at: performance.now() });
      if (event.step >= to) children = peakOfChildren();
      if (event.step >= to && to < steps) enough.abort(); // the ramp of the method spans all steps, the times need not
    },
    signal: enough.signal,
  },
).catch((error) => {
  if (!enough.signal.aborted) throw error;
});

// Times are taken where the trainer tells of its steps: on a GPU it tells seldom, and may not where it is asked.
const last = told.find(({ step }) => step >= to) ?? told.at(-1);
const after = told.find(({ step }) => step >= from);
const isEnough = last.step - after.step >= (to - from) / 2;
const first = isEnough ? after : (told.findLast(({ step }) => step <= from) ?? told[0]);
if (!(last.step > first.step)) throw new Error(`steps: expected some from ${from} to ${to}, got none; ask for more`);
console.log(
  JSON.stringify({
    ms: (last.at - first.at) / (last.step - first.step),
    timed: last.step - first.step,
    losses: told.map(({ step, loss }) => ({ step, loss })),
    memory: { base, peak: process.resourceUsage().maxRSS * 1024 + children },
    versions: {
      node: process.versions.node,
      'onnxruntime-node': createRequire(import.meta.resolve('@neuroprune/runtime'))('onnxruntime-node/package.json')
        .version,
    },
  }),
);
