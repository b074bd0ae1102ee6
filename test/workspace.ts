import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root of the repository. */
export const root = path.resolve(fileURLToPath(import.meta.url), '../..');

/** What the specs here need of a package.json. */
export interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly exports?: Readonly<Record<string, string | { readonly default: string }>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** A package of the workspace. */
export interface Package {
  /** Folder from the root, `/` between parts. */
  readonly folder: string;
  readonly manifest: Manifest;
}

/** All packages: the folders of `packages` and `tools` that have a package.json. */
export const packages: readonly Package[] = ['packages', 'tools'].flatMap((group) =>
  readdirSync(path.join(root, group)).flatMap((name) => {
    const folder = `${group}/${name}`;
    const text = tryRead(`${folder}/package.json`);
    return text === undefined ? [] : [{ folder, manifest: JSON.parse(text) }];
  }),
);

/** Text of a file given from the root. */
export function read(file: string): string {
  return readFileSync(path.join(root, file), 'utf8');
}

function tryRead(file: string): string | undefined {
  try {
    return read(file);
  } catch {
    return undefined;
  }
}

/** TypeScript files of a package, from the root. */
export function sources({ folder }: Package): string[] {
  return readdirSync(path.join(root, folder, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => path.posix.join(folder, 'src', name.split(path.sep).join('/')))
    .sort();
}
