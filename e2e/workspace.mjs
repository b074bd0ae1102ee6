import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { root } from './pack.mjs';

/**
 * Writes an Nx workspace that a user could have: packed packages as dependencies and one project, demo.
 * @param {string} folder @param {readonly import('./pack.mjs').Packed[]} packed
 */
export async function writeWorkspace(folder, packed) {
  const { devDependencies } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
  const dependencies = Object.fromEntries(packed.map(({ name, tarball }) => [name, `file:${tarball}`]));
  const files = {
    '.npmrc': 'ignore-scripts=true\nfund=false\naudit=false\n',
    '.gitignore': 'node_modules\nruns\n.nx\n',
    'package.json': { name: 'fresh', private: true, devDependencies: { nx: devDependencies.nx, ...dependencies } },
    'nx.json': { analytics: false, neverConnectToCloud: true },
    'demo/project.json': { name: 'demo' },
    'demo/neuroprune.json': demo,
  };
  for (const [file, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    const text = typeof content === 'string' ? content : `${JSON.stringify(content, null, 2)}\n`;
    await writeFile(path.join(folder, file), text);
  }
}

/** Small enough for seconds on two cores, and still every stage. */
const demo = {
  prune: {
    model: 'neuroprune/bert-micro-uncased',
    task: 'sst2',
    sparsity: 0.5,
    maxSteps: 60,
    out: 'runs/demo',
  },
  evaluate: { model: 'runs/demo/model', task: 'sst2', limit: 64 },
  publish: { run: 'runs/demo', to: 'local/demo' },
};

/** A JSON file of the workspace. */
export async function readJson(/** @type {string} */ folder, /** @type {string} */ file) {
  return JSON.parse(await readFile(path.join(folder, file), 'utf8'));
}
