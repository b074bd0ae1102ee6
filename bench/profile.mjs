// Shares of a training step's time by operator on cpu, from ONNX Runtime's own profile of the step graph.
// usage: node bench/profile.mjs [CASE] [--threads 2] [--steps 6] [--dropout P]; cases as in cases.mjs and shapes.mjs
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { adamwScalars, dropoutScalars, initialState, trainable } from '@neuroprune/autodiff';
import { loadModel } from '@neuroprune/models';
import { saveModel, stateOf, stepSignature } from '@neuroprune/onnx';
import ort from 'onnxruntime-node';
import { caseOf } from './cases.mjs';
import { prepareCase } from './prepare.mjs';
import { losses } from './shapes.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: 'string', default: '2' },
    steps: { type: 'string', default: '6' },
    dropout: { type: 'string', default: '0.1' },
  },
});
const chosen = await caseOf(positionals[0] ?? 'minilm');
if (!chosen) throw new Error('case: expected its model and data set, got none');
const folder = await mkdtemp(path.join(os.tmpdir(), 'neuroprune-profile-'));
const steps = Number(values.steps);
try {
  await prepareCase(chosen, folder, steps);
  const { model } = await loadModel(path.join(folder, 'model'));
  const step = trainable(model, { loss: losses[chosen.kind], dropout: Number(values.dropout) });
  const signature = stepSignature(step);
  const file = path.join(folder, 'step.onnx');
  await saveModel(step, file);
  const session = await ort.InferenceSession.create(file, {
    intraOpNumThreads: Number(values.threads),
    enableProfiling: true,
    profileFilePrefix: path.join(folder, 'profile'),
    extra: { session: { set_denormal_as_zero: '1' } },
  });
  const feeds = Object.fromEntries(
    [...initialState(model, signature)].map(([name, t]) => [name, new ort.Tensor('float32', t.data, t.dims)]),
  );
  const batches = JSON.parse(await readFile(path.join(folder, 'batches.json'), 'utf8'));
  for (let at = 0; at < steps; at++) {
    const batch = batches[at % batches.length];
    for (const { name, dtype, rank, axis } of signature.batch) {
      const numbers = batch.inputs[name] ?? batch[name];
      const data = dtype === 'int64' ? BigInt64Array.from(numbers, BigInt) : Float32Array.from(numbers);
      feeds[name] = new ort.Tensor(
        dtype,
        data,
        rank === 2 ? [batch.rows, batch.lengths?.[axis] ?? batch.length] : [batch.rows],
      );
    }
    const { weightDecay, lr } = chosen.recipe;
    const scalars = { ...adamwScalars({ lr, step: at + 1, weightDecay }), ...dropoutScalars(0, at + 1) };
    for (const name of signature.scalars) feeds[name] = new ort.Tensor('float32', [scalars[name]], []);
    const results = await session.run(feeds);
    for (const { input, output } of stateOf(signature)) feeds[input] = results[output];
  }
  session.endProfiling();
  await session.release();
  const { readdir } = await import('node:fs/promises');
  const [name] = (await readdir(folder)).filter((f) => f.startsWith('profile'));
  const events = JSON.parse(await readFile(path.join(folder, name), 'utf8'));
  const kernels = events.filter((e) => e.cat === 'Node' && e.name.endsWith('_kernel_time'));
  const times = new Map();
  for (const { dur, args } of kernels) {
    const { count, micros } = times.get(args.op_name) ?? { count: 0, micros: 0 };
    times.set(args.op_name, { count: count + 1, micros: micros + dur });
  }
  const total = [...times.values()].reduce((sum, { micros }) => sum + micros, 0);
  console.log(`${os.cpus()[0].model}, ${values.threads} threads; ${steps} steps, the first included`);
  console.log('| operator | nodes a step | ms a step | share |\n| --- | --- | --- | --- |');
  for (const [op, { count, micros }] of [...times].sort((a, b) => b[1].micros - a[1].micros).slice(0, 16)) {
    const share = `${((100 * micros) / total).toFixed(1)} %`;
    console.log(`| ${op} | ${(count / steps).toFixed(0)} | ${(micros / steps / 1e3).toFixed(1)} | ${share} |`);
  }
  console.log(`| all | ${(kernels.length / steps).toFixed(0)} | ${(total / steps / 1e3).toFixed(1)} | |`);
} finally {
  await rm(folder, { recursive: true });
}
