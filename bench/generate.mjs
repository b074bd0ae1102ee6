/**
 * Times translation of Multi30k's test rows: transformers.js and this package's generator, and beside them PyTorch.
 *
 * usage: node bench/generate.mjs MODEL_FOLDER DATA_FOLDER [--rows 200] [--beams 1] [--repeats 5] [--threads 2]
 *
 * MODEL_FOLDER is an export with tokenizer.json, and model.safetensors for PyTorch; DATA_FOLDER the folder of multi30k/task1-de-en.
 * Batches of 32 sorted by length, 48 new tokens at most. What is timed begins with the model in memory and one batch written, and
 * ends with the texts. Each side is a fresh process; they take turns. PyTorch runs where NEUROPRUNE_PYTHON names an interpreter.
 * Prints a row a side: seconds by the clock, median (lowest–highest), new tokens, new tokens a second.
 */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const self = fileURLToPath(import.meta.url);
const { values, positionals } = parseArgs({
  options: {
    rows: { type: 'string', default: '200' },
    beams: { type: 'string', default: '1' },
    repeats: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
    one: { type: 'string' },
  },
  allowPositionals: true,
});
const [model, data] = positionals.map((folder) => path.resolve(folder));
const [rows, numBeams, threads] = [values.rows, values.beams, values.threads].map(Number);
const MOST = 48;

async function transformersWrite() {
  const { AutoModelForSeq2SeqLM, Tensor } = await import('@huggingface/transformers');
  const session_options = { intraOpNumThreads: threads };
  const own = await AutoModelForSeq2SeqLM.from_pretrained(model, {
    dtype: 'fp32',
    local_files_only: true,
    session_options,
  });
  const ids = (list) => new Tensor('int64', BigInt64Array.from(list.flat(), BigInt), [list.length, list[0].length]);
  return async (prompts) => {
    const length = Math.max(...prompts.map((row) => row.length));
    const filled = (row, value) => [...row, ...new Array(length - row.length).fill(value)];
    const inputs = ids(prompts.map((row) => filled(row, 0)));
    const attention_mask = ids(
      prompts.map((row) =>
        filled(
          row.map(() => 1),
          0,
        ),
      ),
    );
    const written = await own.generate({ inputs, attention_mask, max_new_tokens: MOST, do_sample: false });
    const end = BigInt(own.generation_config.eos_token_id);
    return written.tolist().map((row) => row.slice(1, row.indexOf(end, 1) < 0 ? undefined : row.indexOf(end, 1) + 1));
  };
}

async function ownWrite() {
  const { loadGenerator } = await import('@neuroprune/evaluate');
  const own = await loadGenerator(model, { threads });
  return async (prompts) => {
    const { texts } = await own.generate(prompts, { numBeams, maxNewTokens: MOST, batchSize: prompts.length });
    return texts.map(({ tokens }) => tokens);
  };
}

async function one(side) {
  const { foundTexts, loadTokenizer, readTexts, textTasks, writeTexts } = await import('@neuroprune/evaluate');
  const { openDataset } = await import('@neuroprune/hub');
  const { read } = await (await openDataset(data, undefined)).fetch('test');
  const { task, columns } = await foundTexts(textTasks.translation, {}, read);
  const texts = (await readTexts(task, read([...columns]))).slice(0, rows);
  const tokenizer = await loadTokenizer(model);
  const write = await { transformers: transformersWrite, own: ownWrite }[side]();
  const options = { split: 'test', batchSize: 32, maxLength: 64 };
  await writeTexts(task, texts.slice(0, 32), tokenizer, write, options);
  const clock = performance.now();
  const { predictions } = await writeTexts(task, texts, tokenizer, write, options);
  const seconds = (performance.now() - clock) / 1000;
  console.log(JSON.stringify({ seconds, newTokens: predictions.reduce((sum, { tokens }) => sum + tokens.length, 0) }));
  process.exit();
}

if (values.one) {
  await one(values.one);
} else {
  const python = process.env.NEUROPRUNE_PYTHON;
  const run = (command, args) =>
    JSON.parse(execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }));
  const shared = ['--rows', values.rows, '--beams', values.beams, '--threads', values.threads];
  const script = path.join(path.dirname(self), 'torch_generate.py');
  const sides = {
    ...(numBeams === 1 && {
      'transformers.js': () => run(process.execPath, [self, model, data, '--one', 'transformers', ...shared]),
    }),
    'this package': () => run(process.execPath, [self, model, data, '--one', 'own', ...shared]),
    ...(python && { PyTorch: () => run(python, [script, model, data, values.rows, values.beams, values.threads]) }),
  };
  const results = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
  for (let i = 0; i < Number(values.repeats); i++)
    for (const [name, side] of Object.entries(sides)) results[name].push(side());
  for (const [name, runs] of Object.entries(results)) {
    const sorted = runs.map(({ seconds }) => seconds).sort((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)];
    const spread = `${median.toFixed(2)} (${sorted[0].toFixed(2)}–${sorted.at(-1).toFixed(2)})`;
    console.log(`| ${name} | ${spread} | ${runs[0].newTokens} | ${(runs[0].newTokens / median).toFixed(0)} |`);
  }
}
