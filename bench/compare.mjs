// Milliseconds a training step, NeuroPrune beside PyTorch, in turns on one machine:
//   node bench/compare.mjs [--case bert-micro,minilm] [--repeats 5] [--steps N] [--threads 2] [--dropout P]
// NEUROPRUNE_PYTHON names the interpreter that has torch and transformers (python3 by default).
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { caseOf, cases } from './cases.mjs';
import { prepare } from './prepare.mjs';

const python = process.env.NEUROPRUNE_PYTHON ?? 'python3';
const here = import.meta.dirname;
const sides = {
  NeuroPrune: [process.execPath, path.join(here, 'step.mjs')],
  PyTorch: [python, path.join(here, 'torch_step.py')],
};

const { values: flags } = parseArgs({
  options: {
    case: { type: 'string', default: Object.keys(cases).join(',') },
    repeats: { type: 'string', default: '5' },
    steps: { type: 'string' },
    threads: { type: 'string', default: '2' },
    dropout: { type: 'string' },
  },
});

const run = promisify(execFile);

/** One side's measurement, in a process of its own. */
async function measure(side, job) {
  const [program, script] = sides[side];
  const { stdout } = await run(program, [script, JSON.stringify(job)], { maxBuffer: 2 ** 26 });
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

const sorted = (numbers) => [...numbers].sort((a, b) => a - b);
const median = (numbers) => sorted(numbers)[numbers.length >> 1];
const ms = (value) => value.toFixed(value < 100 ? 1 : 0);
const spread = (numbers) => `${ms(median(numbers))} (${ms(Math.min(...numbers))}–${ms(Math.max(...numbers))})`;

/** The largest relative difference of two runs' losses: both sides train the same thing when dropout is off. */
const difference = (a, b) => Math.max(...a.map((loss, i) => Math.abs(loss / b[i] - 1)));

async function compare(name, chosen) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'neuroprune-bench-'));
  try {
    const { task, lr, warmup, chunk } = chosen;
    const steps = Number(flags.steps ?? chosen.steps);
    const { weightDecay } = task.recipe;
    const dropout = Number(flags.dropout ?? task.recipe.dropout);
    const job = { folder, warmup, steps, chunk, lr, weightDecay, dropout, threads: Number(flags.threads) };
    const { epochSteps, meanLength } = await prepare(chosen, folder, warmup + steps);
    const check = { ...job, dropout: 0, warmup: 0, steps: Math.min(10, steps) };
    const losses = difference((await measure('NeuroPrune', check)).losses, (await measure('PyTorch', check)).losses);
    if (!(losses < 1e-3)) throw new Error(`${name}: expected equal losses without dropout, got ${losses} between them`);
    const times = { NeuroPrune: [], PyTorch: [] };
    let versions;
    for (let i = 0; i < Number(flags.repeats); i++) {
      for (const side of i % 2 ? ['PyTorch', 'NeuroPrune'] : ['NeuroPrune', 'PyTorch']) {
        const result = await measure(side, job);
        times[side].push(result.ms);
        versions ??= result.versions;
        console.error(`${name} ${side} ${i + 1}: ${ms(result.ms)} ms`);
      }
    }
    return { name, task: task.name, dropout, steps, warmup, epochSteps, meanLength, losses, times, versions };
  } finally {
    await rm(folder, { recursive: true });
  }
}

const row = ({ name, task, dropout, steps, warmup, meanLength, losses, times }) =>
  `| ${name}, ${task} | ${dropout} | ${meanLength.toFixed(1)} | ${warmup} + ${steps} | ${spread(times.NeuroPrune)} | ${spread(times.PyTorch)} | ` +
  `${(median(times.NeuroPrune) / median(times.PyTorch)).toFixed(2)} | ${losses.toExponential(0)} |`;

const quiet = os.loadavg()[0].toFixed(1);
const missing = await run(python, ['-c', 'import torch, transformers']).then(
  () => undefined,
  () => `skipped: ${python} has no torch and transformers; NEUROPRUNE_PYTHON names an interpreter that has`,
);
if (missing) console.log(missing);
else {
  const results = [];
  for (const name of flags.case.split(',')) {
    const chosen = caseOf(name);
    if (chosen) results.push(await compare(name, chosen));
    else console.error(`${name}: skipped, its model or data set is not there`);
  }
  const { torch, transformers } = results[0]?.versions ?? {};
  const ort = createRequire(import.meta.url)('onnxruntime-node/package.json').version;
  console.log(`${os.cpus()[0].model}, ${os.cpus().length} cores, ${flags.threads} threads; load ${quiet} at the start`);
  console.log(`Node ${process.versions.node}, onnxruntime-node ${ort}; torch ${torch}, transformers ${transformers}`);
  console.log(`${flags.repeats} repeats a side in turns, each a fresh process; median (lowest–highest)\n`);
  console.log(
    '| model, task | dropout | mean padded length | steps: warm-up + timed | NeuroPrune ms | PyTorch ms | ratio | loss difference |',
  );
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- |');
  console.log(results.map(row).join('\n'));
}
