import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished, test } from 'vitest';
import { writeWheel } from '../../test/wheel.js';
import { installCuda } from './install.js';
import { parseLdd } from './libraries.js';
import { runtimeFolder } from './runtime-folder.js';
import { unpackProvider } from './wheel.js';

const version: string = createRequire(import.meta.url)('onnxruntime-node/package.json').version;
const [cuda, bridge] = ['libonnxruntime_providers_cuda.so', 'libonnxruntime_providers_shared.so'];
const libraries = { [cuda]: Buffer.from('the provider'), [bridge]: Buffer.from('the bridge') };

/** A wheel and an empty folder to install into. */
async function given(...args: [string?, Record<string, Buffer>?, Record<string, string>?]) {
  const root = await mkdtemp(path.join(os.tmpdir(), 'install-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const wheel = path.join(root, 'some.whl');
  await writeWheel(wheel, args[0] ?? version, args[1] ?? libraries, args[2]);
  const folder = await mkdtemp(path.join(root, 'runtime-'));
  return { wheel, folder };
}

describe('a wheel of the same version', () => {
  it('gives its two libraries', async () => {
    const { wheel, folder } = await given();
    expect(await unpackProvider(wheel, folder, version)).toEqual([path.join(folder, cuda), path.join(folder, bridge)]);
    expect(await readFile(path.join(folder, bridge), 'utf8')).toBe('the bridge');
    expect((await readdir(folder)).sort()).toEqual([cuda, bridge]);
  });

  it('with a byte that its digest does not know leaves nothing behind', async () => {
    const { wheel, folder } = await given(version, libraries, { [cuda]: 'AAAA' });
    await expect(unpackProvider(wheel, folder, version)).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringContaining(`expected ${cuda} with the digest AAAA, got `),
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it('without the provider is refused', async () => {
    const { wheel, folder } = await given(version, { [bridge]: Buffer.from('x') });
    await expect(unpackProvider(wheel, folder, version)).rejects.toThrow(`expected onnxruntime/capi/${cuda}, got none`);
  });
});

test('a wheel of another version is refused', async () => {
  const { wheel, folder } = await given('1.2.3');
  await expect(unpackProvider(wheel, folder, version)).rejects.toThrow(
    `expected onnxruntime-gpu ${version}, as onnxruntime-node is, got 1.2.3`,
  );
});

test('a file that is no wheel is refused', async () => {
  const { wheel, folder } = await given();
  await writeFile(wheel, 'no archive');
  await expect(unpackProvider(wheel, folder, version)).rejects.toThrow('expected a wheel of onnxruntime-gpu, got ');
});

test.runIf(process.platform === 'linux' && process.arch === 'x64')(
  'what an installed library needs is told, with what is missing (linux-x64 only)',
  async () => {
    const library = await readFile(path.join(runtimeFolder(), 'libonnxruntime.so.1'));
    const { wheel, folder } = await given(version, { ...libraries, [cuda]: library });
    const lines: string[] = [];
    const done = await installCuda({ wheel, folder, onProgress: (line) => lines.push(line) });
    expect(done).toMatchObject({ version, files: [path.join(folder, cuda), path.join(folder, bridge)] });
    expect(lines).toEqual(['unpacking some.whl']);
  },
);

test('ldd says where libraries are', () => {
  const text =
    '\tlinux-vdso.so.1 (0x1)\n\tlibcublas.so.13 => not found\n\tlibcudart.so.13 => /cuda/libcudart.so.13 (0x2)\n';
  expect(parseLdd(text)).toEqual([
    { name: 'libcublas.so.13' },
    { name: 'libcudart.so.13', path: '/cuda/libcudart.so.13' },
  ]);
});
