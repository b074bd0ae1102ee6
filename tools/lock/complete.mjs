// Adds to package-lock.json the binaries of other platforms that the registry in use does not serve.
//
// npm leaves an optional package that it cannot fetch out of the lock file, and `npm ci` then refuses that file, on
// every machine. With an entry that says for which platform the package is, npm skips it wherever it does not fit.
// Run after `npm install` has changed the lock file: node tools/lock/complete.mjs
import { readFile, rename, writeFile } from 'node:fs/promises';

const words = {
  os: {
    aix: 'aix',
    android: 'android',
    darwin: 'darwin',
    freebsd: 'freebsd',
    linux: 'linux',
    linuxmusl: 'linux',
    netbsd: 'netbsd',
    openbsd: 'openbsd',
    openharmony: 'openharmony',
    sunos: 'sunos',
    win32: 'win32',
  },
  cpu: {
    arm: 'arm',
    arm64: 'arm64',
    ia32: 'ia32',
    loong64: 'loong64',
    mips64el: 'mips64el',
    ppc64: 'ppc64',
    riscv64: 'riscv64',
    s390x: 's390x',
    universal: undefined,
    wasm32: 'wasm32',
    x64: 'x64',
  },
  libc: { gnu: 'glibc', gnueabihf: 'glibc', linuxmusl: 'musl', musl: 'musl', musleabihf: 'musl' },
};

/** Operating system, processor and C library that a package of binaries names: `…-linux-x64-musl`. */
function platformOf(name) {
  const parts = name.split(/[-/]/);
  const found = Object.entries(words).flatMap(([field, table]) => {
    const word = parts.find((part) => table[part] !== undefined);
    return word ? [[field, [table[word]]]] : [];
  });
  return Object.fromEntries(found);
}

const file = new URL('../../package-lock.json', import.meta.url);
const lock = JSON.parse(await readFile(file, 'utf8'));
const added = [];
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const nested = `${path}/node_modules/${name}`;
    const hoisted = `node_modules/${name}`;
    if (lock.packages[nested] || lock.packages[hoisted]) continue;
    const platform = platformOf(name);
    if (!platform.os && !platform.cpu) continue; // no binary of a platform: npm would have to know more
    lock.packages[hoisted] = { version, optional: true, ...(entry.dev && { dev: true }), ...platform };
    added.push(`${name}@${version}`);
  }
}
const [root, ...rest] = Object.entries(lock.packages);
lock.packages = Object.fromEntries([root, ...rest.sort(([a], [b]) => (a < b ? -1 : 1))]);
await writeFile(new URL(`${file.href}.tmp`), `${JSON.stringify(lock, null, 2)}\n`);
await rename(new URL(`${file.href}.tmp`), file);
console.log(`package-lock.json: ${added.length} packages of other platforms added`);
