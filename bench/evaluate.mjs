/**
 * Times the evaluation of a classifier on SST-2's validation rows: this package, and beside it PyTorch with dynamic padding.
 *
 * usage: node bench/evaluate.mjs MODEL_FOLDER DATA_FOLDER [--repeats 5] [--threads 2]
 *
 * MODEL_FOLDER has onnx/model.onnx and tokenizer.json; DATA_FOLDER is the data set's sst2 folder. What is timed begins with
 * model and tokenizer in memory, and ends with the score: reading the rows, tokenizing, running. Each side is a fresh
 * process; the two take turns. PyTorch runs where NEUROPRUNE_PYTHON names an interpreter, on the safetensors of the folder.
 * Prints a row a side: seconds by the clock and by processor time, median (lowest–highest), rows a second, accuracy.
 */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const self = fileURLToPath(import.meta.url);

async function ours(model, data, threads) {
  const { encodeBlocks, inPieces, loadTokenizer, scoreRows, sessionPredict, tasks } = await import(
    '@neuroprune/evaluate'
  );
  const { openDataset } = await import('@neuroprune/hub');
  const { fetch } = await openDataset(data, undefined);
  const { read } = await fetch('validation');
  const session = await sessionPredict(path.join(model, 'onnx/model.onnx'), { threads });
  const tokenizer = await loadTokenizer(model);
  const [clock, processor] = [performance.now(), process.cpuUsage()];
  const rows = encodeBlocks(tokenizer, inPieces(read(['sentence', 'label', 'idx'])), tasks.sst2, 128);
  const { examples, metrics } = await scoreRows(tasks.sst2, session.predict, rows, { padId: tokenizer.padId });
  const { user, system } = process.cpuUsage(processor);
  const seconds = (performance.now() - clock) / 1000;
  await session.close();
  return { seconds, processor: (user + system) / 1e6, examples, accuracy: metrics.accuracy };
}

function measured(command, args) {
  return JSON.parse(execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }));
}

const spread = (values, digits = 2) => {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[0], sorted.at(-1)];
  return `${sorted[Math.floor(sorted.length / 2)].toFixed(digits)} (${low.toFixed(digits)}–${high.toFixed(digits)})`;
};

const { values, positionals } = parseArgs({
  options: {
    repeats: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
    one: { type: 'boolean' },
  },
  allowPositionals: true,
});
const [model, data] = positionals;
if (values.one) {
  console.log(JSON.stringify(await ours(model, data, Number(values.threads))));
} else {
  const python = process.env.NEUROPRUNE_PYTHON;
  const script = path.join(path.dirname(self), 'torch_evaluate.py');
  const sides = {
    'this package': () => measured(process.execPath, [self, model, data, '--one', '--threads', values.threads]),
    ...(python && {
      'PyTorch, dynamic padding': () => measured(python, [script, model, data, values.threads]),
      'PyTorch, sorted by length': () => measured(python, [script, model, data, values.threads, '--sorted']),
    }),
  };
  const results = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
  for (let i = 0; i < Number(values.repeats); i++)
    for (const [name, run] of Object.entries(sides)) results[name].push(run());
  for (const [name, runs] of Object.entries(results)) {
    const of = (fact) => runs.map((run) => run[fact]);
    const rate = runs[0].examples / [...of('seconds')].sort((a, b) => a - b)[Math.floor(runs.length / 2)];
    console.log(
      `| ${name} | ${spread(of('seconds'))} | ${spread(of('processor'))} | ${rate.toFixed(0)} | ${runs[0].accuracy.toFixed(4)} |`,
    );
  }
}
