import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { float32, GraphBuilder, type Model, modelOf, saveModel, type Tensor, writeModel } from '@neuroprune/onnx';
import ort from 'onnxruntime-node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isDevice, ortOptions, providerOf, resolveSession } from './device.js';
import { createInference } from './inference.js';

const session = { threads: 1 };

/** y = factor·x, with the factors as weights large enough to be stored outside the model's file. */
function scaling(factors: Float32Array): Model {
  const builder = new GraphBuilder();
  const x = builder.input('x', 'float32', ['rows', factors.length]);
  builder.output(builder.op.Mul(x, builder.initializer('factors', float32(factors))), 'y');
  return modelOf(builder.graph);
}

/** Multiplies a matrix by itself again and again. */
function slow(times: number): Model {
  const builder = new GraphBuilder();
  const x = builder.input('x', 'float32', ['n', 'n']);
  let y = x;
  for (let i = 0; i < times; i++) y = builder.op.MatMul(y, x);
  builder.output(y, 'y');
  return modelOf(builder.graph);
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'runtime-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const factors = Float32Array.from({ length: 512 }, (_, i) => i / 7);
const ones = (rows: number): Tensor => float32(new Float32Array(rows * 512).fill(1), [rows, 512]);

describe('createInference', () => {
  const sources: [string, (folder: string) => Promise<Model | string>][] = [
    ['a model', async () => scaling(factors)],
    [
      'a file',
      async (folder) => {
        await saveModel(scaling(factors), path.join(folder, 'model.onnx'));
        return path.join(folder, 'model.onnx');
      },
    ],
    [
      'a file with its weights beside it',
      async (folder) => {
        await saveModel(scaling(factors), path.join(folder, 'model.onnx'), { externalData: 'model.onnx_data' });
        return path.join(folder, 'model.onnx');
      },
    ],
  ];
  it.each(sources)('runs %s, at any batch size', async (_, make) => {
    await using inference = await createInference(await make(await temporaryFolder()), session);
    for (const rows of [1, 3]) {
      const x = ones(rows);
      const { y } = Object.fromEntries(await inference.run(new Map([['x', x]]), ['y']));
      expect(y).toEqual(
        float32(
          [...Array(rows)].flatMap(() => [...factors]),
          [rows, 512],
        ),
      );
      expect(x.data).toHaveLength(rows * 512);
    }
  });

  it('holds several sessions at once, each with its own model', async () => {
    const twice = await createInference(scaling(factors.map((f) => 2 * f)), session);
    await using once = await createInference(scaling(factors), session);
    const third = async (of: typeof once) => (await of.run(new Map([['x', ones(1)]]), ['y'])).get('y')!.data[3];
    expect(await Promise.all([third(once), third(twice)])).toEqual([factors[3], Math.fround(2 * factors[3]!)]);
    await twice.close();
    expect(await third(once)).toBe(factors[3]);
    await expect(third(twice)).rejects.toThrow('session: expected an open one, got one that was closed');
  });

  it('lets timers of the calling thread fire during a long run', async () => {
    await using inference = await createInference(slow(40), session);
    const x = float32(new Float32Array(700 * 700).fill(1e-3), [700, 700]);
    let fired = 0;
    const timer = setInterval(() => fired++, 5);
    await inference.run(new Map([['x', x]]), ['y']);
    clearInterval(timer);
    expect(fired).toBeGreaterThan(0);
  });

  it('refuses inputs and outputs that the model lacks', async () => {
    await using inference = await createInference(scaling(factors), session);
    await expect(inference.run(new Map(), ['y'])).rejects.toThrow(/^runtime: .*'x'/);
    await expect(inference.run(new Map([['x', ones(1)]]), ['z'])).rejects.toThrow(/^runtime: .*'z'/);
  });
});

describe('denormals', () => {
  const product = () => scaling(new Float32Array(1 << 16).fill(1e-10));
  const x = () => float32(new Float32Array(1 << 16).fill(1e-30), [1, 1 << 16]);
  const nonZero = (values: Iterable<number>) => [...values].filter((v) => v !== 0).length;

  it.each([1, 2])('are flushed on %i threads, in the first session and in later ones', async (threads) => {
    for (let i = 0; i < 3; i++) {
      await using inference = await createInference(product(), { threads });
      const y = (await inference.run(new Map([['x', x()]]), ['y'])).get('y')!;
      expect(nonZero(y.data as Float32Array)).toBe(0);
    }
  });

  it('stay where a session does not ask for it', async () => {
    const plain = await ort.InferenceSession.create(writeModel(product()), { intraOpNumThreads: 1 });
    const { y } = await plain.run({ x: new ort.Tensor('float32', x().data, [1, 1 << 16]) });
    expect(nonZero(y!.data as Float32Array)).toBe(1 << 16);
    await plain.release();
  });

  it('leave the numbers of the calling thread alone', async () => {
    await using _ = await createInference(product(), session);
    expect(Number.MIN_VALUE * Number('1')).toBeGreaterThan(0);
  });
});

describe('options of a session', () => {
  it('default to all cores of the cpu', () => {
    expect(resolveSession({})).toEqual({ device: 'cpu', threads: expect.any(Number) });
    expect(resolveSession({ device: 'auto', threads: 3 })).toEqual({ device: 'cpu', threads: 3 });
  });

  it.each([0, -1, 1.5, Number.NaN])('refuse %d threads', async (threads) => {
    const message = `runtime: threads: expected a whole number from 1, got ${threads}`;
    expect(() => resolveSession({ threads })).toThrow(message);
    await expect(createInference(scaling(factors), { threads })).rejects.toMatchObject({ kind: 'input', message });
  });

  it.each([
    ['cpu', 'cpu'],
    ['cuda', { name: 'cuda', deviceId: 0 }],
    ['cuda:3', { name: 'cuda', deviceId: 3 }],
  ] as const)('name the provider of %s', (device, provider) => {
    expect(resolveSession({ device, threads: 1 }).device).toBe(device);
    expect(providerOf(device)).toEqual(provider);
  });

  it.each(['cpu:0', 'cuda:', 'cuda:x', 'cuda:-1', 'gpu', ''])("refuse the device '%s'", (device) => {
    expect(isDevice(device)).toBe(false);
    expect(() => resolveSession({ device: device as 'cpu' })).toThrow(
      `runtime: device: expected auto, cpu, cuda, cuda:<number> or webgpu, got '${device}'`,
    );
  });

  it('reach ONNX Runtime', () => {
    expect(ortOptions({ device: 'cpu', threads: 5 })).toMatchObject({
      executionProviders: ['cpu'],
      intraOpNumThreads: 5,
      enableMemPattern: false,
      extra: { session: { set_denormal_as_zero: '1' } },
    });
    expect(ortOptions({ device: 'cuda', threads: 5 })).not.toHaveProperty('enableMemPattern');
    expect(ortOptions({ device: 'webgpu', threads: 5 }).executionProviders).toEqual(['webgpu']);
    const kept = ortOptions({ device: 'webgpu', threads: 5, keepsBuffers: true });
    expect(kept.executionProviders).toEqual([{ name: 'webgpu', storageBufferCacheMode: 'simple' }]);
    expect(kept.extra).toMatchObject({ optimization: { disable_specified_optimizers: 'GemmTransposeFusion' } });
  });
});

describe('a process of its own', () => {
  const root = path.resolve(import.meta.dirname, '../../..');
  /** Runs a script on the built package; it must end by itself. */
  const run = (script: string, ...args: string[]) =>
    promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, ...args], {
      cwd: root,
      timeout: 20_000,
    });

  it.each([
    ['is no model', async (file: string) => writeFile(file, 'no model')],
    ['is not there', async () => undefined],
  ])('ends by itself after a file that %s, with a clear error', async (_, prepare) => {
    const file = path.join(await temporaryFolder(), 'model.onnx');
    await prepare(file);
    const { stdout, stderr } = await run(
      `import { createInference } from '@neuroprune/runtime';
       await createInference(process.argv[1]).catch((e) => console.log(e.name, e.message));`,
      file,
    );
    expect(stdout).toMatch(/^RuntimeError runtime: model: expected one that ONNX Runtime loads, got: .*model\.onnx/);
    expect(stderr).toBe('');
  });

  it('ends by itself with a session open, and waits for a run', async () => {
    const file = path.join(await temporaryFolder(), 'model.onnx');
    await saveModel(scaling(factors), file);
    const { stdout } = await run(
      `import { createInference } from '@neuroprune/runtime';
       const inference = await createInference(process.argv[1], { threads: 1 });
       const x = { dtype: 'float32', dims: [1, 512], data: new Float32Array(512).fill(7) };
       inference.run(new Map([['x', x]]), ['y']).then((y) => console.log(y.get('y').data[2]));`,
      file,
    );
    expect(stdout).toBe('2\n');
  });
});
