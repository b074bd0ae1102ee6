// Milliseconds a training step, NeuroPrune beside PyTorch, in turns on one machine:
//   node bench/compare.mjs [--case bert-micro,minilm,bert-base] [--repeats 5] [--steps N] [--threads 2] [--dropout P]
//     [--device cpu|cuda[:N]] [--precision fp32|tf32|fp16|bf16] [--compile]
// Cases are real batches of a task, or shapes with random weights (shapes.mjs). NEUROPRUNE_PYTHON names the interpreter
// that has torch and transformers (python3 by default).
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { caseOf, cases } from './cases.mjs';
import { check, measure, median, missing, ms, spread } from './measure.mjs';
import { prepareCase } from './prepare.mjs';

const { values: flags } = parseArgs({
  options: {
    case: { type: 'string', default: Object.keys(cases).join(',') },
    repeats: { type: 'string', default: '5' },
    steps: { type: 'string' },
    threads: { type: 'string', default: '2' },
    dropout: { type: 'string' },
    device: { type: 'string', default: 'cpu' },
    precision: { type: 'string', default: 'fp32' },
    compile: { type: 'boolean', default: false },
  },
});

async function compare(name, chosen) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'neuroprune-bench-'));
  try {
    const { warmup, recipe, kind } = chosen;
    const steps = Number(flags.steps ?? chosen.steps);
    const { device, precision, compile } = flags;
    const dropout = Number(flags.dropout ?? recipe.dropout);
    const rate = { lr: recipe.lr, weightDecay: recipe.weightDecay, dropout };
    const run = {
      folder,
      kind,
      steps: warmup + steps,
      from: warmup,
      threads: Number(flags.threads),
      device,
      precision,
    };
    const job = { ...run, ...rate, compile };
    const { meanLength } = await prepareCase(chosen, folder, warmup + steps);
    const losses = await check(name, job);
    const times = { NeuroPrune: [], PyTorch: [] };
    let versions = {};
    for (let i = 0; i < Number(flags.repeats); i++) {
      for (const side of i % 2 ? ['PyTorch', 'NeuroPrune'] : ['NeuroPrune', 'PyTorch']) {
        const result = await measure(side, job);
        times[side].push(result.ms);
        versions = { ...versions, ...result.versions };
        console.error(`${name} ${side} ${i + 1}: ${ms(result.ms)} ms`);
      }
    }
    return { name: chosen.title ?? name, dropout, steps, warmup, meanLength, losses, times, versions };
  } finally {
    await rm(folder, { recursive: true });
  }
}

const row = ({ name, dropout, steps, warmup, meanLength, losses, times }) =>
  `| ${name} | ${dropout} | ${meanLength.toFixed(1)} | ${warmup} + ${steps} | ${spread(times.NeuroPrune)} | ${spread(times.PyTorch)} | ` +
  `${(median(times.NeuroPrune) / median(times.PyTorch)).toFixed(2)} | ${losses.toExponential(0)} |`;

const quiet = os.loadavg()[0].toFixed(1);
const lacking = await missing();
if (lacking) console.log(lacking);
else {
  const results = [];
  for (const name of flags.case.split(',')) {
    const chosen = await caseOf(name);
    if (chosen) results.push(await compare(name, chosen));
    else console.error(`${name}: skipped, its model or data set is not there`);
  }
  const versions = Object.entries(results[0]?.versions ?? {}).map(([name, version]) => `${name} ${version}`);
  console.log(`${os.cpus()[0].model}, ${os.cpus().length} cores, ${flags.threads} threads; load ${quiet} at the start`);
  console.log(`${flags.device}, ${flags.precision}${flags.compile ? ', torch.compile' : ''}; ${versions.join(', ')}`);
  console.log(`${flags.repeats} repeats a side in turns, each a fresh process; median (lowest–highest)\n`);
  console.log(
    '| case | dropout | mean padded length | steps: warm-up + timed | NeuroPrune ms | PyTorch ms | ratio | loss difference |',
  );
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- |');
  console.log(results.map(row).join('\n'));
}
