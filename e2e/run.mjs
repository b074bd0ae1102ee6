// Installs the packed packages into a fresh Nx workspace outside the repository and uses them as a user would.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Checks } from './checks.mjs';
import { run, start, succeed, userEnv } from './command.mjs';
import { packAll, root } from './pack.mjs';
import { checkQuickstart } from './quickstart.mjs';
import { readJson, writeWorkspace } from './workspace.mjs';

const base = await realpath(await mkdtemp(path.join(os.tmpdir(), 'neuroprune-e2e-')));
const cwd = path.join(base, 'workspace');
const token = 'hf_e2e';
const checks = new Checks();
const neuroprune = ['npx', '--no-install', 'neuroprune'];
const nx = ['npx', '--no-install', 'nx'];

await checkQuickstart(checks);

/** @type {import('./pack.mjs').Packed[]} */
let packed = [];
await checks.check(
  'every package packs its built code and nothing else',
  async () => {
    packed = await packAll(path.join(base, 'tarballs'));
    for (const { name, files } of packed) {
      const inside = (/** @type {RegExp} */ pattern) => files.filter((file) => pattern.test(file));
      for (const file of ['dist/index.js', 'dist/index.d.ts', 'README.md']) {
        assert.ok(files.includes(file), `${name} lacks ${file}`);
      }
      assert.deepEqual(inside(/\.spec\.|tsbuildinfo|fixtures|\.(parquet|safetensors|onnx)$/), [], name);
    }
  },
  { needed: true },
);

await checks.check(
  'the packages install into a fresh workspace without scripts',
  async () => {
    await writeWorkspace(cwd, packed);
    await succeed(['npm', 'install', '--prefer-offline', '--loglevel=error'], { cwd });
  },
  { needed: true },
);

await checks.check('neuroprune --help lists the verbs', async () => {
  const help = await succeed([...neuroprune, '--help'], { cwd });
  for (const verb of ['prune-and-publish', 'evaluate', 'hub serve'])
    assert.match(help, new RegExp(`^ {2}${verb} `, 'm'));
});

await checks.check('neuroprune --version is the version of the package', async () => {
  const { version } = packed.find(({ name }) => name === 'neuroprune') ?? {};
  assert.equal((await succeed([...neuroprune, '--version'], { cwd })).trim(), version);
});

await checks.check('neuroprune doctor finds the cpu provider', async () => {
  const { providers } = JSON.parse(await succeed([...neuroprune, 'doctor', '--json'], { cwd }));
  assert.ok(providers.some(({ name, works }) => name === 'cpu' && works));
  assert.ok(providers.every(({ works, cause }) => works || cause));
});

await checks.check('bad usage is one line and exit code 2', async () => {
  const { code, stdout, stderr } = await run([...neuroprune, 'prune', 'm', '--task', 'sst2', '--sparsity', '1.2'], {
    cwd,
  });
  assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
  const own = stderr.replace(/^npm warn .*\n/gm, ''); // npm may complain about the user's own settings
  assert.match(own, /^neuroprune: --sparsity: expected a number between 0 and 1, got 1\.2\n$/);
});

await checks.check('the API loads', async () => {
  await succeed(['node', '--input-type=module', '-e', "await import('neuroprune')"], { cwd });
});

await checks.check('nx g @neuroprune/nx:init registers the plugin; a second run changes nothing', async () => {
  const state = async () => [await readJson(cwd, 'nx.json'), await readJson(cwd, 'package.json')];
  const init = [...nx, 'g', '@neuroprune/nx:init', '--no-interactive'];
  await succeed(init, { cwd });
  const first = await state();
  assert.deepEqual(first[0].plugins, ['@neuroprune/nx']);
  await succeed(init, { cwd });
  assert.deepEqual(await state(), first);
});

await checks.check('the project has the inferred targets', async () => {
  const { targets } = JSON.parse(await succeed([...nx, 'show', 'project', 'demo', '--json'], { cwd }));
  assert.deepEqual(Object.keys(targets).sort(), ['evaluate', 'prune', 'publish']);
  assert.deepEqual(targets.prune.outputs, ['{projectRoot}/runs/demo']);
  assert.equal(targets.publish.cache, false);
});

let env = userEnv();
let url = '';
/** @type {ReturnType<typeof start> | undefined} */
let hub;
await checks.check(
  'neuroprune hub serve says where it listens',
  async () => {
    // Not through npx, so that the signal reaches the server itself.
    const serve = [path.join(cwd, 'node_modules/.bin/neuroprune'), 'hub', 'serve', '--token', token];
    const folders = ['--root', path.join(base, 'hub'), '--seed', path.join(root, 'fixtures/hub')];
    hub = start([...serve, ...folders], { cwd }, /listening on (http:\/\/127\.0\.0\.1:\d+)/);
    url = (await hub.ready)[1];
    env = userEnv({ HF_ENDPOINT: url, HF_TOKEN: token, HF_HOME: path.join(base, 'cache') });
  },
  { needed: true },
);

const cached = /existing outputs match the cache|local cache|read the output from the cache/;

await checks.check('nx prune demo leaves a run folder at the sparsity asked', async () => {
  const output = await succeed([...nx, 'prune', 'demo'], { cwd, env });
  assert.doesNotMatch(output, cached);
  const { sparsity, proof } = await readJson(cwd, 'demo/runs/demo/run.json');
  assert.ok(Math.abs(sparsity.reached - 0.5) <= 0.001, `sparsity ${sparsity.reached}`);
  assert.ok(proof.maxAbsDifference <= 1e-4, `proof ${proof.maxAbsDifference}`);
});

await checks.check('a second nx prune demo comes from the cache, its run folder too', async () => {
  const before = await readFile(path.join(cwd, 'demo/runs/demo/run.json'), 'utf8');
  await rm(path.join(cwd, 'demo/runs'), { recursive: true });
  assert.match(await succeed([...nx, 'prune', 'demo'], { cwd, env }), cached);
  assert.equal(await readFile(path.join(cwd, 'demo/runs/demo/run.json'), 'utf8'), before);
});

await checks.check('nx evaluate demo scores the pruned model', async () => {
  assert.match(await succeed([...nx, 'evaluate', 'demo'], { cwd, env }), /accuracy/);
});

await checks.check('nx publish demo pushes it to the Hub', async () => {
  await succeed([...nx, 'publish', 'demo'], { cwd, env });
  const response = await fetch(`${url}/api/models/local/demo`);
  assert.equal(response.status, 200);
  const { siblings } = await response.json();
  const names = siblings.map(({ rfilename }) => rfilename);
  for (const name of ['README.md', 'config.json', 'model.safetensors', 'onnx/model.onnx', 'neuroprune.json']) {
    assert.ok(names.includes(name), `the repository lacks ${name}: ${names.join(', ')}`);
  }
});

await checks.check('SIGTERM ends the Hub cleanly', async () => {
  assert.equal(await hub?.end(), 0);
});

await hub?.end();
if (existsSync(base) && process.env.KEEP_E2E !== '1') await rm(base, { recursive: true, force: true });
process.exitCode = checks.close() ? 0 : 1;
