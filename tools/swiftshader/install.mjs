// Puts SwiftShader, a Vulkan driver that computes on the CPU, into .cache/swiftshader, for tests of webgpu without a GPU.
//
// It comes out of Debian's package of Chromium, which nothing installs: apt checks its digest, dpkg unpacks it into a
// folder. Tests name the two files by VK_DRIVER_FILES and LD_LIBRARY_PATH in the environment of the processes in which
// sessions on webgpu live. The last line counts: 1 passed, or 1 skipped with the reason above it.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PACKAGE = 'chromium-common';
const FILES = ['libvk_swiftshader.so', 'vk_swiftshader_icd.json', 'libvulkan.so.1'];
const cache = path.resolve(fileURLToPath(import.meta.url), '../../../.cache');
const folder = path.join(cache, 'swiftshader');
const run = promisify(execFile);

/** The package's file in a folder; the lists of packages may have to be fetched first. */
async function download(into) {
  const get = () => run('apt-get', ['download', PACKAGE], { cwd: into });
  await get().catch(() => run('apt-get', ['update']).then(get));
  const found = (await readdir(into)).find((name) => name.endsWith('.deb'));
  if (!found) throw new Error(`apt-get download ${PACKAGE} left no file`);
  return path.join(into, found);
}

async function install() {
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(path.join(cache, 'swiftshader-'));
  try {
    const file = await download(work);
    await run('dpkg', ['-x', file, path.join(work, 'all')]);
    const ready = path.join(work, 'ready');
    await mkdir(ready);
    for (const name of FILES) await cp(path.join(work, 'all/usr/lib/chromium', name), path.join(ready, name));
    await writeFile(path.join(ready, 'source.txt'), `${path.basename(file)}\n`);
    await rm(folder, { recursive: true, force: true });
    await rename(ready, folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Why it cannot be had here, in one line. */
const reasonOf = (error) =>
  error.code === 'ENOENT' && error.syscall
    ? `${error.path ?? 'a program'} is missing here`
    : String(error.stderr || error.message)
        .trim()
        .split('\n')
        .at(-1);

if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.log(
    `SwiftShader: skipped, for it is installed on linux x64 alone, and this is ${process.platform} ${process.arch}`,
  );
  console.log('0 passed, 0 failed, 1 skipped');
} else if (FILES.every((name) => existsSync(path.join(folder, name)))) {
  console.log('SwiftShader: there');
  console.log('1 passed, 0 failed, 0 skipped');
} else {
  await install().then(
    () => console.log('SwiftShader: installed\n1 passed, 0 failed, 0 skipped'),
    (error) => console.log(`SwiftShader: skipped, ${reasonOf(error)}\n0 passed, 0 failed, 1 skipped`),
  );
}
