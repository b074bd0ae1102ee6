// Step graphs beside each other: how many nodes they have, and what a step of each takes of the processor.
//   node bench/graphs.mjs nodes [SHAPE …]              nodes of a step, by precision, dropout and kind of device
//   node bench/graphs.mjs write SHAPE FILE [--dropout P] [--together N]
//   node bench/graphs.mjs time SHAPE FILE …            [--rounds 12] [--threads 1]
// Shapes as in shapes.mjs. `time` runs files, of this version or another one's `write`, in turns in one process: with one
// thread the processor's time is steady where the clock is not, for nothing waits or spins.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { adamwScalars, dropoutScalars, initialState, trainable } from '@neuroprune/autodiff';
import { loadModel } from '@neuroprune/models';
import { readModel, saveModel, stepSignature } from '@neuroprune/onnx';
import ort from 'onnxruntime-node';
import { caseOf } from './cases.mjs';
import { prepareCase } from './prepare.mjs';
import { losses, shapes } from './shapes.mjs';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    dropout: { type: 'string', default: '0.1' },
    together: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '12' },
    threads: { type: 'string', default: '1' },
  },
});
const [verb, ...names] = positionals;

/** Runs `use` with a folder that has the model of a shape and its batch. */
async function withShape(name, use) {
  const chosen = shapes[name] && (await caseOf(name));
  if (!chosen) throw new Error(`shape: expected one of ${Object.keys(shapes).join(', ')}, got ${name}`);
  const folder = await mkdtemp(path.join(os.tmpdir(), 'neuroprune-graphs-'));
  try {
    await prepareCase(chosen, folder, 1);
    const { model } = await loadModel(path.join(folder, 'model'));
    return await use({ chosen, folder, model, loss: losses[chosen.kind] });
  } finally {
    await rm(folder, { recursive: true });
  }
}

const variants = {
  'fp32, no dropout': { dropout: 0 },
  'fp32, cpu': { dropout: 0.1 },
  'fp32, GPU': { dropout: 0.1, masksTogether: 7 },
  'bf16, GPU': { dropout: 0.1, masksTogether: 7, precision: 'bf16' },
};

async function nodes() {
  console.log('| shape | step | nodes | most of them |\n| --- | --- | --- | --- |');
  for (const name of names.length > 0 ? names : Object.keys(shapes))
    await withShape(name, ({ model, loss }) => {
      for (const [label, options] of Object.entries(variants)) {
        const made = trainable(model, { loss, gradNorm: true, ...options }).graph.nodes;
        const counts = new Map();
        for (const { opType } of made) counts.set(opType, (counts.get(opType) ?? 0) + 1);
        const most = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 8);
        console.log(`| ${name} | ${label} | ${made.length} | ${most.map(([op, n]) => `${op} ${n}`).join(', ')} |`);
      }
    });
}

const write = ([name, file]) =>
  withShape(name, ({ model, loss }) => {
    const [dropout, masksTogether] = [Number(flags.dropout), Number(flags.together)];
    return saveModel(trainable(model, { loss, gradNorm: true, dropout, masksTogether }), file);
  });

const arrays = {
  int64: (x) => BigInt64Array.from(x, BigInt),
  int32: (x) => Int32Array.from(x),
  float32: (x) => Float32Array.from(x),
};

/** A session of a step graph with all it reads: the same step each time. */
async function sideOf(file, { model, folder }) {
  const signature = stepSignature(await readModel(await readFile(file)));
  const [batch] = JSON.parse(await readFile(path.join(folder, 'batches.json'), 'utf8'));
  const tensor = (dtype, data, dims) => new ort.Tensor(dtype, data, dims);
  const scalars = { ...adamwScalars({ lr: 1e-4, weightDecay: 0.01 }), ...dropoutScalars(0, 1) };
  const feeds = Object.fromEntries([
    ...[...initialState(model, signature)].map(([name, t]) => [name, tensor('float32', t.data, t.dims)]),
    ...signature.scalars.map((name) => [name, tensor('float32', [scalars[name]], [])]),
    ...signature.batch.map(({ name, dtype, rank }) => {
      const numbers = batch.inputs[name] ?? batch[name];
      const dims = rank === 2 ? [batch.rows, numbers.length / batch.rows] : [batch.rows];
      return [name, tensor(dtype, arrays[dtype](numbers), dims)];
    }),
  ]);
  const session = await ort.InferenceSession.create(file, {
    intraOpNumThreads: Number(flags.threads),
    interOpNumThreads: 1,
    enableMemPattern: false,
    logSeverityLevel: 4,
    extra: { session: { set_denormal_as_zero: '1' } },
  });
  return { file, session, feeds, processor: [], clock: [] };
}

async function time([name, ...files]) {
  await withShape(name, async (shape) => {
    const sides = [];
    for (const file of files) sides.push(await sideOf(file, shape));
    for (let round = 0; round < Number(flags.rounds); round++)
      for (const side of round % 2 ? [...sides].reverse() : sides) {
        const [start, before] = [performance.now(), process.cpuUsage()];
        side.loss = (await side.session.run(side.feeds)).loss.data[0];
        const { user, system } = process.cpuUsage(before);
        side.processor.push((user + system) / 1000);
        side.clock.push(performance.now() - start);
      }
    const sorted = (numbers) => [...numbers].sort((a, b) => a - b);
    console.log('| step graph | ms of processor time: least | median | ms by the clock: least | loss |');
    console.log('| --- | --- | --- | --- | --- |');
    for (const { file, processor, clock, loss } of sides) {
      const of = sorted(processor);
      const figures = [of[0], of[of.length >> 1], sorted(clock)[0]].map((x) => x.toFixed(1));
      console.log(`| ${path.basename(file)} | ${figures.join(' | ')} | ${loss} |`);
    }
  });
}

const verbs = { nodes, write: () => write(names), time: () => time(names) };
if (!verbs[verb]) throw new Error(`graphs: expected one of ${Object.keys(verbs).join(', ')}, got ${verb}`);
await verbs[verb]();
