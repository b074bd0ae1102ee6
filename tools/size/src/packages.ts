import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { type Measured, measure } from './measure.js';

/** A package's files, counted. */
export interface MeasuredPackage {
  readonly name: string;
  readonly sources: readonly Measured[];
  readonly tests: readonly Measured[];
}

/** Counts every package below `packages` and `tools` of a workspace that has TypeScript sources. */
export async function measurePackages(root: string): Promise<MeasuredPackage[]> {
  const folders = (await Promise.all(['packages', 'tools'].map((group) => subfolders(root, group)))).flat();
  const packages = await Promise.all(folders.map((folder) => measurePackage(root, folder)));
  return packages.filter(({ sources }) => sources.length > 0);
}

async function subfolders(root: string, group: string): Promise<string[]> {
  const entries = await readdir(path.join(root, group), { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => `${group}/${name}`);
}

async function measurePackage(root: string, folder: string): Promise<MeasuredPackage> {
  const files = (await Promise.all(['src', 'test'].map((part) => typescript(root, `${folder}/${part}`)))).flat();
  const measured = (await Promise.all(files.map((file) => measureFile(root, file)))).filter(
    (file) => file !== undefined,
  );
  const isTest = ({ file }: Measured) => file.endsWith('.spec.ts') || file.startsWith(`${folder}/test/`);
  return { name: folder, sources: measured.filter((file) => !isTest(file)), tests: measured.filter(isTest) };
}

async function typescript(root: string, folder: string): Promise<string[]> {
  const entries = await readdir(path.join(root, folder), { recursive: true }).catch(() => []);
  return entries
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map((name) => path.posix.join(folder, name.split(path.sep).join('/')))
    .sort();
}

/** Counts of a file, or nothing for one that a generator wrote. */
async function measureFile(root: string, file: string): Promise<Measured | undefined> {
  const source = await readFile(path.join(root, file), 'utf8');
  return source.slice(0, 500).includes('@generated') ? undefined : measure(file, source);
}
