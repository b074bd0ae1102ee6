import { mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { succeed } from './command.mjs';

/** Root of the repository. */
export const root = path.resolve(fileURLToPath(import.meta.url), '../..');

/** A package as npm packed it. */
/** @typedef {{ name: string, version: string, tarball: string, files: readonly string[] }} Packed */

/** Packs every package of the workspace that is published. @returns {Promise<Packed[]>} */
export async function packAll(/** @type {string} */ folder) {
  await mkdir(folder, { recursive: true });
  const names = await publishedPackages();
  const flags = names.flatMap((name) => ['--workspace', name]);
  const output = await succeed(['npm', 'pack', '--json', '--pack-destination', folder, ...flags], { cwd: root });
  // npm before 11 prints a list, later ones an object by package name.
  return Object.values(JSON.parse(output)).map(({ name, version, filename, files }) => ({
    name,
    version,
    tarball: path.join(folder, filename),
    files: files.map((file) => file.path),
  }));
}

async function publishedPackages() {
  const manifests = await Promise.all(['packages', 'tools'].map(manifestsIn));
  return manifests
    .flat()
    .filter((manifest) => !manifest.private)
    .map(({ name }) => name);
}

async function manifestsIn(/** @type {string} */ group) {
  const names = await readdir(path.join(root, group));
  const texts = await Promise.all(
    names.map((name) => readFile(path.join(root, group, name, 'package.json'), 'utf8').catch(() => undefined)),
  );
  return texts.filter((text) => text !== undefined).map((text) => JSON.parse(text));
}
