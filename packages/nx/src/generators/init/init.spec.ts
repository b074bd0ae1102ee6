import { readJson, type Tree, writeJson } from '@nx/devkit';
import { createTreeWithEmptyWorkspace } from '@nx/devkit/testing';
import { expect, test, vi } from 'vitest';
import { init } from './init.js';

vi.spyOn(console, 'info').mockImplementation(() => {});
vi.stubEnv('NX_SKIP_FORMAT', 'true'); // no formatter is installed here

const content = (tree: Tree) => ({ nx: readJson(tree, 'nx.json'), package: readJson(tree, 'package.json') });

test('the plugin is registered and its packages are added', async () => {
  const tree = createTreeWithEmptyWorkspace();
  await init(tree);
  expect(content(tree)).toMatchObject({
    nx: { plugins: ['@neuroprune/nx'] },
    package: { devDependencies: { '@neuroprune/nx': '0.1.0', neuroprune: '0.1.0' } },
  });
});

test('a second run changes nothing', async () => {
  const tree = createTreeWithEmptyWorkspace();
  await init(tree);
  const first = content(tree);
  await init(tree);
  expect(content(tree)).toEqual(first);
});

test('other plugins, the options of a registered one and versions in use stay', async () => {
  const tree = createTreeWithEmptyWorkspace();
  const plugins = ['@nx/js', { plugin: '@neuroprune/nx', options: { pruneTargetName: 'shrink' } }];
  writeJson(tree, 'nx.json', { plugins });
  writeJson(tree, 'package.json', { devDependencies: { neuroprune: 'file:neuroprune.tgz' } });
  await init(tree);
  expect(content(tree)).toMatchObject({
    nx: { plugins },
    package: { devDependencies: { neuroprune: 'file:neuroprune.tgz' } },
  });
});

test('package.json can be left alone, unknown options are refused', async () => {
  const tree = createTreeWithEmptyWorkspace();
  const before = readJson(tree, 'package.json');
  await init(tree, { skipPackageJson: true });
  expect(readJson(tree, 'package.json')).toEqual(before);
  await expect(init(tree, { skip: true } as object)).rejects.toThrow('skip');
});
