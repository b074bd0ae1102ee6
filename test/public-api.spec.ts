import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseSync } from 'oxc-parser';
import { expect, test } from 'vitest';
import { type Package, packages, read, root } from './workspace.js';

const LIST = 'test/public-api.json';

/** Entry points of the packages that are published: module name → source file. */
const entries = Object.fromEntries(
  packages
    .filter(({ manifest }) => !manifest.private)
    .flatMap((entry) => points(entry).map(([name, file]) => [name, file] as const)),
);

function points({ folder, manifest }: Package): [name: string, file: string][] {
  return Object.entries(manifest.exports ?? {}).flatMap(([subpath, target]) => {
    const file = typeof target === 'string' ? target : target.default;
    if (!file.startsWith('./dist/')) return [];
    const source = file.replace(/^\.\/dist\//, `${folder}/src/`).replace(/\.js$/, '.ts');
    return [[path.posix.join(manifest.name, subpath), source]];
  });
}

/** Names that a module exports, types marked; `export *` is listed as such, for it hides what becomes public. */
function publicNames(file: string): string[] {
  const { module } = parseSync(file, read(file));
  return module.staticExports
    .flatMap((statement) => statement.entries)
    .map(({ exportName, isType }) => `${isType ? 'type ' : ''}${exportName.name ?? '*'}`)
    .sort();
}

const names = Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, publicNames(file)]));
if (process.env.UPDATE_PUBLIC_API === '1') {
  writeFileSync(path.join(root, LIST), `${JSON.stringify(names, null, 2)}\n`);
}
const committed: Readonly<Record<string, readonly string[]>> = JSON.parse(read(LIST));

test(`${LIST} names every entry point (UPDATE_PUBLIC_API=1 writes it)`, () => {
  expect(Object.keys(names).sort()).toEqual(Object.keys(committed).sort());
});

test.each(Object.keys(names))('the public names of %s are the committed ones', (name) => {
  expect(names[name]).toEqual(committed[name]);
});

test.each(Object.keys(names))('%s exports names, not whole modules', (name) => {
  expect(names[name]).not.toContain('*');
});
