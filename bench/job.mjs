// Times a whole dense fine-tuning job beside PyTorch's with dynamic padding, taking turns, on one machine in one run.
// usage: NEUROPRUNE_PYTHON=python3 node bench/job.mjs HUB_FOLDER MODEL TASK EPOCHS REPEATS [THREADS]
// HUB_FOLDER has models/ and datasets/ in Hub layout; a local Hub on loopback serves it to our side.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { promisify } from 'node:util';
import { startLocalHub } from '@neuroprune/local-hub';

const [folder, model, task, epochs, repeats, threads = '2'] = process.argv.slice(2);
const root = path.resolve(import.meta.dirname, '..');
const scratch = mkdtempSync(path.join(tmpdir(), 'neuroprune-job-'));
const hub = await startLocalHub({ root: path.join(scratch, 'hub'), token: 'hf_bench', seed: folder });
const run = async (program, args, env = {}) =>
  (await promisify(execFile)(program, args, { env: { ...process.env, ...env }, maxBuffer: 1 << 26 })).stdout;

/** From the command to the report: the job, and the proof and latency that follow it. */
async function ours(seed) {
  const out = path.join(scratch, `ours-${seed}`);
  const bin = path.join(root, 'packages/neuroprune/bin/neuroprune.js');
  const options = ['--epochs', epochs, '--seed', String(seed), '--threads', threads, '--no-cache', '--json'];
  const env = { HF_ENDPOINT: hub.url, HF_TOKEN: 'hf_bench', HF_HOME: path.join(scratch, `home-${seed}`) };
  const started = performance.now();
  await run(process.execPath, [bin, 'finetune', model, '--task', task, '--out', out, ...options], env);
  const seconds = (performance.now() - started) / 1000;
  const { training, evaluation } = JSON.parse(readFileSync(path.join(out, 'run.json'), 'utf8'));
  const events = readFileSync(path.join(out, 'events.ndjson'), 'utf8').trim().split('\n').map(JSON.parse);
  const stages = Object.fromEntries(events.filter((e) => e.type === 'stage').map((e) => [e.stage, e.seconds]));
  const { seconds: stepSeconds, steps, tokens } = training;
  return { seconds, stepSeconds, steps, tokens, stages, metrics: evaluation[0].metrics };
}

async function theirs(seed) {
  const places = [path.join(folder, 'models', model), path.join(folder, 'datasets/nyu-mll/glue')];
  const rest = [task, epochs, String(seed), threads, path.join(scratch, `theirs-${seed}`)];
  const script = path.join(root, 'bench/torch_job.py');
  return JSON.parse(await run(process.env.NEUROPRUNE_PYTHON ?? 'python3', [script, ...places, ...rest]));
}

console.log(JSON.stringify({ cpu: cpus()[0].model, cores: cpus().length, node: process.version, load: loadavg() }));
try {
  for (let seed = 0; seed < Number(repeats); seed++) {
    const order = seed % 2 === 0 ? [ours, theirs] : [theirs, ours];
    for (const side of order) console.log(JSON.stringify({ side: side.name, seed, ...(await side(seed)) }));
  }
} finally {
  await hub.close();
  rmSync(scratch, { recursive: true, force: true });
}
