import { createRequire } from 'node:module';
import {
  addDependenciesToPackageJson,
  formatFiles,
  type GeneratorCallback,
  logger,
  readNxJson,
  type Tree,
  updateNxJson,
} from '@nx/devkit';
import { type InitInput, InitOptions } from './options.js';

const { name, version }: { name: string; version: string } = createRequire(import.meta.url)('../../../package.json');

/** Registers the plugin in `nx.json` and adds what its targets call; a second run changes nothing. */
export async function init(tree: Tree, input: InitInput = {}): Promise<GeneratorCallback> {
  const { skipFormat, skipPackageJson } = InitOptions.parse(input);
  const added = addPlugin(tree);
  const install = skipPackageJson
    ? () => {}
    : addDependenciesToPackageJson(tree, {}, { [name]: version, neuroprune: version }, undefined, true);
  if (!skipFormat) await formatFiles(tree);
  if (!added) logger.info(`${name} is registered in nx.json already`);
  return install;
}

/** Whether `nx.json` had to change. */
function addPlugin(tree: Tree): boolean {
  const nxJson = readNxJson(tree) ?? {};
  const plugins = nxJson.plugins ?? [];
  if (plugins.some((entry) => (typeof entry === 'string' ? entry : entry.plugin) === name)) return false;
  updateNxJson(tree, { ...nxJson, plugins: [...plugins, name] });
  return true;
}
