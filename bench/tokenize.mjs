// Sentences of SST-2 a second, tokenized in several ways, each in a fresh process, the ways taking turns.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Tokenizer } from '@huggingface/tokenizers';
import { encodeBlocks, loadTokenizer, tasks, tokenRows } from '@neuroprune/evaluate';
import { openDataset } from '@neuroprune/hub';

const root = path.resolve(import.meta.dirname, '..');
const script = fileURLToPath(import.meta.url);

async function sentences() {
  const { fetch } = await openDataset(path.join(root, 'fixtures/hub/datasets/nyu-mll/glue'), 'sst2');
  return fetch('train');
}

async function texts() {
  const all = [];
  for await (const { rows } of (await sentences()).read(['sentence'])) for (const row of rows) all.push(row.sentence);
  return all;
}

async function timed(work) {
  const start = performance.now();
  const before = process.cpuUsage();
  const tokens = await work();
  const { user, system } = process.cpuUsage(before);
  return { seconds: (performance.now() - start) / 1000, cpu: (user + system) / 1e6, tokens };
}

const sum = (rows) => rows.reduce((total, row) => total + row.length, 0);

function inWorkers(model, all, count) {
  const size = Math.ceil(all.length / count);
  const parts = Array.from({ length: count }, (_, i) => all.slice(i * size, (i + 1) * size));
  const workers = parts.map((part) => new Worker(script, { workerData: { model, part } }));
  return Promise.all(
    workers.map((worker) => new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))),
  );
}

const ways = {
  'this package': async (model, all) => {
    const { encode } = await loadTokenizer(model);
    return timed(() => sum(all.map((text) => encode(text, undefined, 128).inputIds)));
  },
  '@huggingface/tokenizers': async (model, all) => {
    const read = (name) => JSON.parse(readFileSync(path.join(model, name), 'utf8'));
    const tokenizer = new Tokenizer(read('tokenizer.json'), read('tokenizer_config.json'));
    return timed(() => sum(all.map((text) => tokenizer.encode(text).ids)));
  },
  '@huggingface/transformers': async (model, all) => {
    const { AutoTokenizer, env } = await import('@huggingface/transformers');
    env.localModelPath = path.dirname(model);
    env.allowRemoteModels = false;
    const tokenizer = await AutoTokenizer.from_pretrained(path.basename(model));
    return timed(() => sum(all.map((text) => tokenizer.encode(text))));
  },
  'this package, 2 threads': (model, all) =>
    timed(async () =>
      sum(
        (await inWorkers(model, all, 2)).map(({ lengths }) => ({ length: sum(lengths.map((length) => ({ length }))) })),
      ),
    ),
  'tokenizers (Rust, from Python), 2 threads': (model, all) => python(model, all),
  'parquet to token file': async (model) => tokenFile(model, false),
  'token file, found in the cache': async (model) => tokenFile(model, true),
};

async function tokenFile(model, warm) {
  const folder = mkdtempSync(path.join(tmpdir(), 'tokens-'));
  const tokenizer = await loadTokenizer(model);
  const source = await sentences();
  const facts = { key: 'k', classes: 2, padId: tokenizer.padId };
  const blocks = () => encodeBlocks(tokenizer, source.read(['sentence', 'label', 'idx']), tasks.sst2, 128);
  const work = async () => {
    const set = await tokenRows(facts, blocks, { folder });
    set.close();
    return set.stats.tokens;
  };
  try {
    if (warm) await work();
    return await timed(work);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function python(model, all) {
  const code = `
import json, sys, time
from tokenizers import Tokenizer
t = Tokenizer.from_file(sys.argv[1]); t.no_padding(); t.no_truncation()
texts = json.load(sys.stdin); start = time.perf_counter(); cpu = time.process_time()
n = sum(len(e.ids) for e in t.encode_batch(texts))
print(json.dumps({"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu, "tokens": n}))`;
  const args = ['-c', code, path.join(model, 'tokenizer.json')];
  const env = { ...process.env, RAYON_NUM_THREADS: '2' };
  return JSON.parse(execFileSync(process.env.NEUROPRUNE_PYTHON, args, { input: JSON.stringify(all), env }));
}

/** Median (lowest–highest), in thousands. */
function spread(values) {
  const sorted = values.map((value) => (value / 1000).toPrecision(3)).sort((a, b) => a - b);
  return `${sorted[sorted.length >> 1]} (${sorted[0]}–${sorted.at(-1)})`;
}

function compare({ model, repeats }) {
  const names = Object.keys(ways).filter((name) => !name.includes('Python') || process.env.NEUROPRUNE_PYTHON);
  const load = () => loadavg()[0].toFixed(1);
  console.log(
    `${cpus()[0].model}, ${cpus().length} cores, Node ${process.version}, load ${load()}; ${path.basename(model)}`,
  );
  const rates = new Map(names.map((name) => [name, []]));
  for (let turn = 0; turn < repeats; turn++) {
    for (const name of turn % 2 === 0 ? names : names.toReversed()) {
      const { rows, seconds, cpu, tokens } = JSON.parse(
        execFileSync(process.execPath, [script, '--way', name, '--model', model]),
      );
      rates.get(name).push({ wall: rows / seconds, cpu: rows / cpu, tokens });
    }
  }
  for (const [name, found] of rates) {
    const [wall, cpu] = ['wall', 'cpu'].map((kind) => spread(found.map((one) => one[kind])));
    console.log(`| ${name} | ${wall} | ${cpu} | ${found[0].tokens.toLocaleString('en')} |`);
  }
  console.log(`\nthousands of sentences a second, and a second of processor time; load at the end ${load()}`);
}

if (isMainThread) {
  const { values } = parseArgs({
    options: { model: { type: 'string' }, repeats: { type: 'string' }, way: { type: 'string' } },
  });
  const model = path.resolve(values.model ?? path.join(root, 'fixtures/hub/models/neuroprune/bert-micro-uncased'));
  if (values.way) {
    const all = await texts();
    console.log(JSON.stringify({ rows: all.length, ...(await ways[values.way](model, all)) }));
  } else compare({ model, repeats: Number(values.repeats ?? 5) });
} else {
  const { encode } = await loadTokenizer(workerData.model);
  const rows = workerData.part.map((text) => encode(text, undefined, 128).inputIds);
  const ids = new Int32Array(sum(rows));
  let at = 0;
  for (const row of rows) {
    ids.set(row, at);
    at += row.length;
  }
  parentPort.postMessage({ ids, lengths: rows.map(({ length }) => length) }, [ids.buffer]);
}
