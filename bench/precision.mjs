/**
 * Loss curves in float32, in fp16 as the cpu provider runs it, in emulated fp16 and emulated bf16 from the same start, and the
 * step graphs as files for other checkers.
 *
 * usage: node bench/precision.mjs MODEL_FOLDER [--steps 50] [--rows 16] [--length 24] [--lr 1e-3] [--write FOLDER]
 *          [--device cuda|webgpu]   what the GPU has, beside float32 on cpu; on cuda fp32 is TF32 unless NVIDIA_TF32_OVERRIDE=0
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { adamw, adamwScalars, chain, clipByGlobalNorm, initialState, trainable } from '@neuroprune/autodiff';
import { loadModel } from '@neuroprune/models';
import { stepSignature, writeModel } from '@neuroprune/onnx';
import { createTraining } from '@neuroprune/runtime';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    steps: { type: 'string', default: '50' },
    rows: { type: 'string', default: '16' },
    length: { type: 'string', default: '24' },
    lr: { type: 'string', default: '1e-3' },
    write: { type: 'string' },
    device: { type: 'string', default: 'cpu' },
  },
});
const [folder] = positionals;
if (!folder) throw new Error('usage: node bench/precision.mjs MODEL_FOLDER');
const [steps, rows, length, lr] = ['steps', 'rows', 'length', 'lr'].map((name) => Number(values[name]));

/** A batch whose label is whether the second token is in the upper half of the vocabulary; the same for the same number. */
function batchOf(number, vocabulary) {
  let state = number + 1;
  const next = (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const ids = Int32Array.from({ length: rows * length }, () => next(vocabulary));
  const labels = Int32Array.from({ length: rows }, (_, row) => Number(ids[row * length + 1] >= vocabulary / 2));
  const ones = new Int32Array(rows * length).fill(1);
  return {
    rows,
    length,
    inputs: { input_ids: ids, attention_mask: ones, token_type_ids: new Int32Array(rows * length) },
    labels,
    weights: new Float32Array(rows).fill(1),
    tokens: rows * length,
  };
}

const options = {
  loss: 'crossEntropy',
  dropout: 0,
  optimizer: chain(clipByGlobalNorm(1), adamw()),
};

async function curve(precision, emulatePrecision, device = 'cpu') {
  const { model, config } = await loadModel(folder, { head: { numLabels: 2 }, seed: 0 });
  const stackLimit = device === 'webgpu' ? { stackLimit: 7 } : {};
  const step = trainable(model, { ...options, precision, emulatePrecision, ...stackLimit });
  const signature = stepSignature(step);
  const training = await createTraining(step, initialState(model, signature), { device, threads: 1 });
  const each = adamwScalars({ lr, weightDecay: 0.01 });
  const scalars = Object.fromEntries(signature.scalars.map((name) => [name, new Float32Array(steps).fill(each[name])]));
  const batches = Array.from({ length: steps }, (_, i) => batchOf(i % 4, config.vocab_size ?? 1000));
  try {
    return await training.run(batches, scalars);
  } finally {
    await training.close();
  }
}

if (values.write) {
  await mkdir(values.write, { recursive: true });
  for (const precision of ['fp16', 'bf16'])
    for (const emulatePrecision of [false, true])
      for (const accumulate of [false, true]) {
        const { model } = await loadModel(folder, { head: { numLabels: 2 }, seed: 0 });
        const step = trainable(model, { ...options, precision, emulatePrecision, accumulate, guard: 'skip' });
        const name = [precision, emulatePrecision && 'emulated', accumulate && 'accumulate'].filter(Boolean).join('-');
        await writeFile(path.join(values.write, `${name}.onnx`), writeModel(step));
      }
}

const reference = await curve('fp32', false);
const mean = (xs) => xs.reduce((a, b) => a + b, 0) / xs.length;
console.log(`float32: ${reference.loss[0].toFixed(4)} → ${mean(reference.loss.slice(-4)).toFixed(4)}`);
const curves = {
  cpu: [
    ['fp16', false],
    ['fp16', true],
    ['bf16', true],
  ],
  cuda: [['fp32'], ['fp16'], ['bf16']],
  webgpu: [['fp32'], ['fp16']],
};
for (const [precision, emulated = false] of curves[values.device.split(':')[0]]) {
  const { loss, skipped, loss_scale } = await curve(precision, emulated, values.device);
  const off = Array.from(loss, (x, i) => Math.abs(x - reference.loss[i]));
  const worst = Math.max(...off);
  console.log(
    JSON.stringify({
      precision,
      emulated,
      first: loss[0],
      last: mean(loss.slice(-4)),
      worst,
      at: off.indexOf(worst) + 1,
      mean: mean(off),
      ...(skipped ? { skipped: skipped.reduce((a, b) => a + b, 0), scale: loss_scale.at(-1) } : {}),
    }),
  );
}
