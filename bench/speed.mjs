// All of docs/results/speed.md's figures of one machine: steps beside PyTorch, what the method adds, and memory.
//   node bench/speed.mjs [--device cpu|cuda[:N]|webgpu] [--torch-device cuda] [--precision fp32|tf32,fp16,bf16] [--shape NAME,…] [--dropout 0.1,0]
//     [--repeats 3] [--warmup N] [--steps N] [--threads N] [--compile] [--tables check,step,adds,memory] [--json FILE]
//     [--of N]                  steps that the method's ramp spans; those that are timed are its first
//     [--torch-steps N]   step: PyTorch's side alone takes fewer, where ours need many for its long chunks
//     [--unchecked]   step: without the two runs that compare losses, which `check` does too
//     [--rows N] [--length N]   smaller batches than the shapes', to try it out
// Prints Markdown tables on stdout as they are made, what is under way on stderr; all figures go to the JSON file.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { shapeRecipe } from './cases.mjs';
import { check, measure, median, missing, ms, spread } from './measure.mjs';
import { prepareShape, shapes } from './shapes.mjs';

const { values: flags } = parseArgs({
  options: {
    device: { type: 'string', default: 'cpu' },
    'torch-device': { type: 'string' },
    precision: { type: 'string' },
    shape: { type: 'string', default: Object.keys(shapes).join(',') },
    dropout: { type: 'string', default: '0.1,0' },
    repeats: { type: 'string', default: '3' },
    warmup: { type: 'string' },
    steps: { type: 'string' },
    threads: { type: 'string', default: String(os.availableParallelism()) },
    compile: { type: 'boolean', default: false },
    unchecked: { type: 'boolean', default: false },
    'torch-steps': { type: 'string' },
    tables: { type: 'string', default: 'step,adds,memory' },
    json: { type: 'string' },
    rows: { type: 'string' },
    length: { type: 'string' },
    of: { type: 'string' },
  },
});

const isGpu = flags.device !== 'cpu';
const precisions = (flags.precision ?? (flags.device.startsWith('cuda') ? 'tf32' : 'fp32')).split(',');
const tables = new Set(flags.tables.split(','));
const repeats = Number(flags.repeats);
const [warmup, steps] = [Number(flags.warmup ?? (isGpu ? 50 : 4)), Number(flags.steps ?? (isGpu ? 300 : 12))];
/** Steps of the run that the method's ramp spans: heads are looked at every 20th part of them, masks are cut every 16 steps. */
const of = Number(flags.of ?? (isGpu ? 2000 : 640));
/** Part of them after which the ramp begins, and steps between mask events, by the ramp's defaults. */
const RAMP = { from: 0.05, every: 16 };
const rows = [];
let versions = {};

const head = (titles) => console.log(`\n| ${titles.join(' | ')} |\n|${titles.map(() => ' --- |').join('')}`);
const line = (cells) => console.log(`| ${cells.join(' | ')} |`);
const megabytes = (bytes) => (bytes / 1e6).toFixed(0);
const sizeOf = ({ rows: r, length, written }) => `${r} × ${length}${written ? ` → ${written}` : ''}`;

function shapeOf(name) {
  const found = shapes[name];
  if (!found) throw new Error(`shape: expected one of ${Object.keys(shapes).join(', ')}, got ${name}`);
  const length = Number(flags.length ?? found.length);
  return {
    ...found,
    rows: Number(flags.rows ?? found.rows),
    length,
    ...(found.written && { written: flags.length ? length : found.written }),
  };
}

/** Takes measurements in turns, the order alternating; a variant is a side, a job and a name. */
async function inTurns(name, variants, count = repeats) {
  const results = new Map(variants.map(({ label }) => [label, []]));
  for (let i = 0; i < count; i++)
    for (const { label, side, job } of i % 2 ? [...variants].reverse() : variants) {
      const result = await measure(side, job);
      versions = { ...versions, ...result.versions };
      results.get(label).push(result.ms);
      console.error(`${name} ${label} ${i + 1}: ${ms(result.ms)} ms, ${result.timed} steps timed`);
    }
  return Object.fromEntries(results);
}

const jobOf = (folder, { kind }, precision) => ({
  folder,
  kind,
  device: flags.device,
  torchDevice: flags['torch-device'],
  precision,
  threads: Number(flags.threads),
  ...shapeRecipe,
});

/** That both sides train the same, and no times. */
async function checkRows(name, shape, folder, { parameters }) {
  for (const precision of precisions) {
    const losses = await check(name, { ...jobOf(folder, shape, precision), steps: 10 });
    line([name, sizeOf(shape), (parameters / 1e6).toFixed(1), precision, losses.toExponential(0)]);
    rows.push({ table: 'check', shape: name, precision, losses });
  }
}

/** A step beside PyTorch's. */
async function stepRows(name, shape, folder, facts) {
  for (const precision of precisions) {
    const timed = { ...jobOf(folder, shape, precision), steps: warmup + steps, from: warmup };
    const losses = flags.unchecked ? undefined : await check(name, timed);
    for (const dropout of flags.dropout.split(',').map(Number)) {
      const job = { ...timed, dropout };
      const beside = flags['torch-steps'] ? { ...job, steps: warmup + Number(flags['torch-steps']) } : job;
      const variants = [
        { label: 'NeuroPrune', side: 'NeuroPrune', job },
        { label: 'PyTorch', side: 'PyTorch', job: beside },
        ...(flags.compile ? [{ label: 'compiled', side: 'PyTorch', job: { ...beside, compile: true } }] : []),
      ];
      const times = await inTurns(`${name} ${precision} dropout ${dropout}`, variants);
      const ratio = (other) => (median(times.NeuroPrune) / median(times[other])).toFixed(2);
      line([
        ...[name, sizeOf(shape), (facts.parameters / 1e6).toFixed(1), precision, dropout],
        ...[spread(times.NeuroPrune), spread(times.PyTorch), ratio('PyTorch')],
        ...(flags.compile ? [spread(times.compiled), ratio('compiled')] : []),
        losses?.toExponential(0) ?? '–',
      ]);
      rows.push({
        table: 'step',
        shape: name,
        ...shape,
        config: undefined,
        ...facts,
        precision,
        dropout,
        losses,
        times,
      });
    }
  }
}

/** The method beside dense training, in the steps in which it prunes. */
async function addsRows(name, shape, folder) {
  if (shape.kind !== 'classes') return; // shares of the method's time are those of its matrices, whatever is learnt
  const from = Math.max(warmup, Math.ceil(RAMP.from * of));
  const window = { steps: of, from, to: from + RAMP.every * Math.ceil(steps / RAMP.every) };
  for (const precision of precisions) {
    const job = { ...jobOf(folder, shape, precision), ...window };
    const variants = ['dense', 'threshold', 'subgradient'].map((method) => ({
      label: method,
      side: 'NeuroPrune',
      job: { ...job, method },
    }));
    const times = await inTurns(`${name} ${precision}`, variants);
    for (const method of ['threshold', 'subgradient']) {
      const adds = `${(100 * (median(times[method]) / median(times.dense) - 1)).toFixed(1)} %`;
      line([name, sizeOf(shape), precision, method, spread(times.dense), spread(times[method]), adds]);
      rows.push({ table: 'adds', shape: name, precision, method, dense: times.dense, times: times[method] });
    }
  }
}

/** Peaks of a few steps, of full batches and of one short row, from which shares of parameters and tokens follow. */
async function memoryRows(name, shape, folder, { parameters, tokens, smallTokens }) {
  const few = { steps: 8, from: 0 };
  for (const precision of precisions) {
    const job = { ...jobOf(folder, shape, precision), ...few };
    const found = {};
    for (const side of ['NeuroPrune', 'PyTorch']) {
      const full = await measure(side, job, { watch: isGpu });
      versions = { ...versions, ...full.versions };
      const small = await measure(side, { ...job, batches: 'small.json' }, { watch: isGpu });
      const perToken = (peak, least) => (peak - least) / (tokens - smallTokens) / 1e3;
      const perMillion = (least, base) => (least - base) / (parameters / 1e6) / 1e6;
      const { base, peak } = full.memory;
      const host = [peak, perMillion(small.memory.peak, base), perToken(peak, small.memory.peak)];
      const gpu = full.gpu === undefined ? [] : [full.gpu, perMillion(small.gpu, 0), perToken(full.gpu, small.gpu)];
      found[side] = { host, gpu, device: full.memory.device };
      const cells = [host, gpu].map(([most, million, token]) =>
        most === undefined ? '' : `${megabytes(most)} MB; ${million.toFixed(1)}; ${token.toFixed(1)}`,
      );
      line([name, sizeOf(shape), precision, side, ...cells]);
    }
    rows.push({ table: 'memory', shape: name, precision, parameters, tokens, ...found });
  }
}

const stepTitles = [
  ...['shape', 'rows × tokens', 'M parameters', 'precision', 'dropout', 'NeuroPrune ms', 'PyTorch eager ms', 'ratio'],
  ...(flags.compile ? ['torch.compile ms', 'ratio'] : []),
  'loss difference',
];
const kinds = {
  check: [['shape', 'rows × tokens', 'M parameters', 'precision', 'loss difference'], checkRows],
  step: [stepTitles, stepRows],
  adds: [['shape', 'rows × tokens', 'precision', 'method', 'dense ms', 'with it ms', 'adds'], addsRows],
  memory: [
    [
      ...['shape', 'rows × tokens', 'precision', 'side'],
      ...['host', 'device'].map((where) => `${where}: peak; MB a million parameters; kB a token`),
    ],
    memoryRows,
  ],
};

const lacking = await missing();
if (lacking) {
  console.log(lacking);
  process.exit(0);
}
const gpu = isGpu
  ? await promisify(execFile)('nvidia-smi', ['--query-gpu=name,driver_version', '--format=csv,noheader']).then(
      ({ stdout }) => `${stdout.trim().split('\n')[0]}; `,
      () => '',
    )
  : '';
console.log(`${gpu}${os.cpus()[0].model}, ${os.cpus().length} cores, ${flags.threads} threads`);
console.log(
  `load ${os.loadavg()[0].toFixed(1)} at the start; ${repeats} repeats a side in turns, each a fresh process`,
);
console.log(`steps: ${warmup} to warm up, ${steps} timed; median (lowest–highest)`);
for (const [table, [titles, make]] of Object.entries(kinds)) {
  if (!tables.has(table)) continue;
  head(titles);
  for (const name of flags.shape.split(',')) {
    const shape = shapeOf(name);
    const folder = await mkdtemp(path.join(os.tmpdir(), 'neuroprune-speed-'));
    try {
      await make(name, shape, folder, await prepareShape(shape, folder));
    } finally {
      await rm(folder, { recursive: true });
    }
    // A run that is cut off leaves what it has.
    if (flags.json)
      await writeFile(flags.json, JSON.stringify({ argv: process.argv.slice(2), gpu, versions, rows }, null, 1));
  }
}
console.log(
  `\n${Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ')}`,
);
