import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { TargetConfiguration } from '@nx/devkit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createNodes, createNodesV2 } from './plugin.js';
import type { PluginInput } from './plugin-options.js';

let workspaceRoot = '';
beforeEach(async () => {
  workspaceRoot = await mkdtemp(path.join(os.tmpdir(), 'nx-plugin-'));
});
afterEach(() => rm(workspaceRoot, { recursive: true }));

async function write(file: string, content: unknown): Promise<void> {
  await mkdir(path.dirname(path.join(workspaceRoot, file)), { recursive: true });
  await writeFile(path.join(workspaceRoot, file), typeof content === 'string' ? content : JSON.stringify(content));
}

type Targets = Record<string, TargetConfiguration>;

/** Targets of the project libs/demo with this neuroprune.json. */
async function infer(config: unknown, options?: PluginInput): Promise<Targets | undefined> {
  await write('libs/demo/project.json', { name: 'demo' });
  await write('libs/demo/neuroprune.json', config);
  const context = { workspaceRoot, nxJsonConfiguration: {} };
  const results = await createNodes[1](['libs/demo/neuroprune.json'], options, context);
  return results[0]?.[1].projects?.['libs/demo']?.targets;
}

const prune = { model: 'org/name', task: 'rte', sparsity: 0.8 };

test('three sections make three targets that call the command', async () => {
  const found = await infer({
    prune,
    evaluate: { model: 'runs/name-rte-neuroprune80/model', task: 'rte' },
    publish: { run: 'runs/name-rte-neuroprune80', to: 'local/name' },
  });
  expect(found).toMatchObject({
    prune: {
      command: 'neuroprune prune --config neuroprune.json',
      options: { cwd: 'libs/demo' },
      cache: true,
      parallelism: false,
      inputs: ['{projectRoot}/neuroprune.json', { env: 'HF_ENDPOINT' }, { externalDependencies: ['neuroprune'] }],
      outputs: ['{projectRoot}/runs/name-rte-neuroprune80'],
      metadata: { technologies: ['neuroprune'], help: { command: 'npx neuroprune prune --help' } },
    },
    evaluate: { cache: true, outputs: [], dependsOn: ['prune'] },
    publish: { cache: false, dependsOn: ['prune'] },
  });
  expect(found?.evaluate?.inputs).toContainEqual({ dependentTasksOutputFiles: '**/model/**/*' });
});

test.each([
  ['runs/mine', ['{projectRoot}/runs/mine'], true],
  ['./runs/../out', ['{projectRoot}/out'], true],
  ['../../dist/mine', ['{workspaceRoot}/dist/mine'], true],
  ['../../../mine', [], false],
])('a run folder %s is the output %j', async (out, outputs, cache) => {
  expect((await infer({ prune: { ...prune, out } }))?.prune).toMatchObject({ outputs, cache });
});

test('where the section is left to flags, all run folders are outputs', async () => {
  expect((await infer({ prune: { task: 'rte' } }))?.prune?.outputs).toEqual(['{projectRoot}/runs']);
});

test('a model in the workspace is an input', async () => {
  await write('libs/demo/model/config.json', {});
  const inputs = (await infer({ prune: { ...prune, model: './model' } }))?.prune?.inputs;
  expect(inputs).toEqual(expect.arrayContaining(['{projectRoot}/model', '{projectRoot}/model/**/*']));
});

test('what does not read a run folder of the project does not wait for it', async () => {
  const found = await infer({ prune, evaluate: { model: 'org/other' }, publish: { run: 'runs/other' } });
  expect(found?.evaluate).not.toHaveProperty('dependsOn');
  expect(found?.publish).not.toHaveProperty('dependsOn');
});

test('an evaluation of several models waits where one of them is of the run', async () => {
  const targets = async (model: readonly string[]) =>
    (await infer({ prune, evaluate: { model, task: 'rte' } }))?.evaluate;
  expect(await targets(['org/other', 'runs/name-rte-neuroprune80'])).toMatchObject({ dependsOn: ['prune'] });
  expect(await targets(['org/other', 'org/more'])).not.toHaveProperty('dependsOn');
});

test('targets carry the names of the plugin options', async () => {
  const config = { prune, publish: { run: 'runs/name-rte-neuroprune80', to: 'a/b' } };
  const found = await infer(config, { pruneTargetName: 'shrink', publishTargetName: 'release' });
  expect(Object.keys(found ?? {})).toEqual(['shrink', 'release']);
  expect(found?.release?.dependsOn).toEqual(['shrink']);
});

test('the file of a published model makes no targets', async () => {
  await write('runs/a/model/neuroprune.json', { recipe: {}, structure: [] });
  const context = { workspaceRoot, nxJsonConfiguration: {} };
  expect(await createNodes[1](['runs/a/model/neuroprune.json'], {}, context)).toEqual([
    ['runs/a/model/neuroprune.json', {}],
  ]);
});

test.each([
  ['{', 'expected JSON'],
  ['[]', 'expected object'],
  ['{"prune": 1}', 'prune'],
])('%s is refused', async (content, message) => {
  await expect(infer(content)).rejects.toMatchObject({
    errors: [[expect.anything(), expect.objectContaining({ message: expect.stringContaining(message) })]],
  });
});

test('unknown options of the plugin are refused in one line', async () => {
  const wrong = { targetName: 'x' } as PluginInput;
  await expect(infer({ prune }, wrong)).rejects.toThrow(/^@neuroprune\/nx options in nx.json: .*targetName.*$/);
});

test('both names of the entry are the same', () => {
  expect(createNodesV2).toBe(createNodes);
});
