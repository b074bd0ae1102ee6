/**
 * Processor milliseconds of a step over four micro-batches, where the micro-batches that only add to the sum leave the
 * optimizer out (an `If`, what `accumulate` writes) and where every one computes it and selects what to keep (arithmetic).
 *
 * usage: node bench/accumulate.mjs [MODEL_FOLDER] [--repeats 5] [--steps 10] [--rows 8] [--length 16]
 */
import { parseArgs } from 'node:util';
import { adamw, adamwScalars, chain, clipByGlobalNorm, initialState, trainable } from '@neuroprune/autodiff';
import { loadModel } from '@neuroprune/models';
import { stepSignature } from '@neuroprune/onnx';
import { createTraining } from '@neuroprune/runtime';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    repeats: { type: 'string', default: '5' },
    steps: { type: 'string', default: '10' },
    rows: { type: 'string', default: '8' },
    length: { type: 'string', default: '16' },
  },
});
const [repeats, steps, rows, length] = ['repeats', 'steps', 'rows', 'length'].map((name) => Number(values[name]));
const folder = positionals[0] ?? 'fixtures/hub/models/neuroprune/bert-micro-uncased';
const MICRO = 4;

/** Takes the step every time and keeps it where `apply` is 1; the loss of the sum is not carried, nothing here guards. */
const selecting = (inner) => ({
  init: { slots: { ...inner.init.slots, accumulated: 'zeros' }, variables: inner.init.variables },
  scalars: [...inner.scalars, 'share', 'apply'],
  results: inner.results,
  update: (context) => {
    const { op, stacks, scalars, variables } = context;
    const apply = op.Greater(scalars.apply, 0.5);
    const keep = (made, old) => op.Where(apply, made, old);
    const summed = stacks.map((stack) => ({ ...stack, g: op.Add(stack.slots.accumulated, stack.g) }));
    const squares = summed.map(({ g }) => op.ReduceSumSquare(g, undefined, { keepdims: 0 }));
    const norm = op.Sqrt(squares.reduce((a, b) => op.Add(a, b)));
    const update = inner.update({ ...context, stacks: summed, norm: () => norm });
    return {
      stacks: update.stacks.map(({ g: _, ...made }, i) => ({
        ...Object.fromEntries(
          Object.entries(made).map(([slot, value]) => [
            slot,
            keep(value, slot === 'w' ? stacks[i].w : stacks[i].slots[slot]),
          ]),
        ),
        accumulated: keep(context.builder.scalar(0), summed[i].g),
      })),
      variables: Object.fromEntries(
        Object.entries(update.variables ?? {}).map(([name, value]) => [name, keep(value, variables[name])]),
      ),
      results: update.results,
    };
  },
});

const batches = Array.from({ length: MICRO }, (_, at) => ({
  rows,
  length,
  inputs: {
    input_ids: Int32Array.from({ length: rows * length }, (_, i) => 5 + ((i * 37 + at * 11) % 1000)),
    attention_mask: new Int32Array(rows * length).fill(1),
    token_type_ids: new Int32Array(rows * length),
  },
  labels: Int32Array.from({ length: rows }, (_, i) => (i + at) % 2),
  weights: new Float32Array(rows).fill(1),
  tokens: rows * length,
}));
const optimizer = chain(clipByGlobalNorm(1), adamw());
const ways = {
  if: { optimizer, accumulate: true },
  arithmetic: { optimizer: selecting(optimizer) },
};

/** Processor and wall milliseconds a step of each repeat, and the losses. */
async function measure(options) {
  const { model } = await loadModel(folder, { head: { numLabels: 2 }, seed: 0 });
  const step = trainable(model, { loss: 'crossEntropy', dropout: 0, ...options });
  const signature = stepSignature(step);
  const training = await createTraining(step, initialState(model, signature), { threads: 1 });
  const each = { ...adamwScalars({ lr: 1e-4, weightDecay: 0.01 }), share: 1 / MICRO };
  const run = async (count) => {
    const scalars = Object.fromEntries(
      signature.scalars.map((name) => [
        name,
        Float32Array.from({ length: count * MICRO }, (_, i) =>
          name === 'apply' ? Number(i % MICRO === 3) : each[name],
        ),
      ]),
    );
    return training.run(Array.from({ length: count }, () => batches).flat(), scalars);
  };
  try {
    await run(2);
    const times = [];
    let losses;
    for (let i = 0; i < repeats; i++) {
      const [used, at] = [process.cpuUsage(), performance.now()];
      losses = (await run(steps)).loss;
      const { user, system } = process.cpuUsage(used);
      times.push({ cpu: (user + system) / 1e3 / steps, wall: (performance.now() - at) / steps });
    }
    return { times, loss: losses.at(-1) };
  } finally {
    await training.close();
  }
}

for (let round = 0; round < 3; round++)
  for (const [way, options] of Object.entries(ways)) {
    const { times, loss } = await measure(options);
    const least = (name) => Math.min(...times.map((t) => t[name])).toFixed(2);
    console.log(`${way}: ${least('cpu')} ms of processor time, ${least('wall')} ms, last loss ${loss}`);
  }
