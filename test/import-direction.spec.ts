import { isBuiltin } from 'node:module';
import path from 'node:path';
import { parseSync } from 'oxc-parser';
import { expect, test } from 'vitest';
import { type Package, packages, read, sources } from './workspace.js';

const everything = ['onnx', 'autodiff', 'models', 'runtime', 'prune', 'evaluate', 'hub', 'report', 'local-hub'];

/** Which packages of the workspace each one may import: the import direction of the architecture. */
const direction: Readonly<Record<string, readonly string[]>> = {
  '@neuroprune/onnx': [],
  '@neuroprune/autodiff': scoped('onnx'),
  '@neuroprune/models': scoped('onnx'),
  '@neuroprune/runtime': scoped('onnx'),
  '@neuroprune/prune': scoped('onnx', 'autodiff', 'models', 'runtime'),
  '@neuroprune/evaluate': scoped('onnx', 'models', 'runtime'),
  '@neuroprune/hub': [],
  '@neuroprune/report': [],
  '@neuroprune/local-hub': [],
  '@neuroprune/size': [],
  '@neuroprune/backend': scoped('onnx'),
  neuroprune: scoped(...everything),
  '@neuroprune/nx': ['neuroprune'],
};

/** Packages that stay free of dependencies from outside, but for these. */
const lean: Readonly<Record<string, readonly string[]>> = {
  '@neuroprune/onnx': ['@bufbuild/protobuf'],
  '@neuroprune/autodiff': [],
};

function scoped(...names: readonly string[]): string[] {
  return names.map((name) => `@neuroprune/${name}`);
}

/** Modules that a source names in imports, exports and literal dynamic imports. */
function imported(file: string): string[] {
  const text = read(file);
  const { module } = parseSync(file, text);
  const dynamic = module.dynamicImports.map(({ moduleRequest: { start, end } }) => text.slice(start, end));
  return [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...module.staticExports.flatMap(({ entries }) => entries.flatMap((entry) => entry.moduleRequest?.value ?? [])),
    ...dynamic.flatMap((request) => /^['"](.+)['"]$/.exec(request)?.[1] ?? []),
  ];
}

/** The package a module request is in: `@scope/name/sub` → `@scope/name`. */
function packageOf(request: string): string {
  return request.split('/', request.startsWith('@') ? 2 : 1).join('/');
}

/** What a file imports against the rules, one line each. */
function violations(file: string, { folder, manifest }: Package): string[] {
  const isSpec = file.endsWith('.spec.ts');
  const siblings = [...(direction[manifest.name] ?? []), ...(isSpec ? ['@neuroprune/local-hub'] : [])];
  const declared = Object.keys(manifest.dependencies ?? {});
  return imported(file).flatMap((request) => {
    const name = packageOf(request);
    if (request.startsWith('.')) {
      const inside = path.posix.join(path.posix.dirname(file), request).startsWith(`${folder}/`);
      return inside ? [] : [`${file}: ${request} leaves the package`];
    }
    if (isBuiltin(request)) return request.startsWith('node:') ? [] : [`${file}: ${request} lacks node:`];
    if (name in direction) return siblings.includes(name) ? [] : [`${file}: may not import ${name}`];
    return isSpec || declared.includes(name) ? [] : [`${file}: ${name} is no dependency in ${folder}/package.json`];
  });
}

test('the table names every package', () => {
  expect(packages.map(({ manifest }) => manifest.name).sort()).toEqual(Object.keys(direction).sort());
});

test.each(packages)('$manifest.name imports in the allowed direction', (entry) => {
  expect(sources(entry).flatMap((file) => violations(file, entry))).toEqual([]);
});

test.each(packages)('$manifest.name depends in the allowed direction', ({ manifest }) => {
  const names = Object.keys(manifest.dependencies ?? {});
  const siblings = names.filter((name) => name in direction);
  expect(siblings.filter((name) => !direction[manifest.name]?.includes(name))).toEqual([]);
  const others = lean[manifest.name];
  if (others) expect(names.filter((name) => !siblings.includes(name))).toEqual(others);
});
