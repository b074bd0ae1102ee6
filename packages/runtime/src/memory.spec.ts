import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { GraphBuilder, type Model, modelOf, type Tensor, writeModel } from '@neuroprune/onnx';
import { expect, onTestFinished, test } from 'vitest';
import { children } from '../test/children.js';
import { devices, type Found, titleOf } from '../test/devices.js';
import { RuntimeError } from './errors.js';
import { createInference, type Inference } from './inference.js';
import { isOutOfMemory, saysOutOfMemory, withinMemory } from './memory.js';
import { probe } from './probe/probe.js';
import { SessionWorker } from './session-worker.js';

const arena =
  '/onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:360 void* onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*)';

const node = "Non-zero status code returned while running Expand node. Name:'' Status Message: ";

// As ONNX Runtime 1.30 says them on a CPU and a software adapter here, as its sources and libraries have them, and as its
// users report them of GPUs.
test.each([
  `${node}${arena} Available memory of 1048576 is smaller than requested bytes of 4194304`,
  `${node}${arena} Failed to find a free memory block despite calling Extend. rounded_bytes=512`,
  `${node}allocator.h:367 p != nullptr || size == 0 was false. Memory allocation failed. Size=64`,
  'the process of sessions on cuda ended with signal SIGABRT (what():  std::bad_alloc), and what it held is lost',
  'CUDA driver error: CUDA_ERROR_OUT_OF_MEMORY',
  'CUDNN failure 4003: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED ; GPU=0 ; hostname=h',
  `${node}buffer_manager.cc:419 buffer was false. Failed to create GPU buffer: size=4294967296, usage=140.`,
  'WebGPU validation failed. [Invalid Buffer (unlabeled)] is invalid due to a previous error.\n - While calling [Device].CreateBindGroup',
  `${node}shader_helper.cc:306 was false. Too many storage buffers in shader. Current: 16, Max is 12`,
  'Binding size (2147483648) of [Buffer] is larger than the maximum storage buffer binding size (134217728).',
  'the partial softmax scratch requires 1 bytes, exceeding maxStorageBufferBindingSize of 0.',
  'spawn ENOMEM',
  `Non-zero status code returned while running Expand node. Name:'' Status Message: ${arena} Failed to allocate memory for requested buffer of size 274877906944`,
  "Non-zero status code returned while running Expand node. Name:'' Status Message: std::bad_alloc",
  'Status Message: onnxruntime::OpKernelContext::OutputMLValue [ONNXRuntimeError] : 1 : FAIL : Calculation for Tensor storage size overflowed',
  'CUDA failure 2: out of memory ; GPU=0 ; hostname=h ; expr=cudaMalloc((void**)&p, size);',
  'CUDA error cudaErrorMemoryAllocation:out of memory',
  'CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0 ; hostname=h ; expr=cublasCreate(&cublas_handle_);',
  'CUDNN failure 4: CUDNN_STATUS_ALLOC_FAILED ; GPU=0',
  'WebGPU device error(2): Out of memory',
  'WebGPU device lost (1): Device was destroyed.',
  'Buffer size (3185049600) exceeds the max buffer size limit (1073741824)',
  'vkAllocateMemory failed with VK_ERROR_OUT_OF_DEVICE_MEMORY',
  'Array buffer allocation failed',
  'Worker terminated due to reaching memory limit: JS heap out of memory',
  'the process of sessions was ended by SIGKILL',
])('memory ran out: %s', (said) => {
  expect(saysOutOfMemory(said)).toBe(true);
  expect(isOutOfMemory(new Error('outer', { cause: new RuntimeError(said) }))).toBe(true);
});

test.each([
  "Non-zero status code returned while running Gather node. Name:'' indices element out of data bounds",
  'CUDA failure 222: the provided PTX was compiled with an unsupported toolchain',
  'CUDA failure 700: an illegal memory access was encountered',
  'WebGPU device error(1): Invalid Buffer',
  'WebGPU validation failed. [Invalid BindGroupLayout (unlabeled)] is invalid due to a previous error.',
  'the process of sessions crashed (SIGSEGV)',
])('it was something else: %s', async (said) => {
  expect(saysOutOfMemory(said)).toBe(false);
  const error = new RuntimeError(said);
  await expect(
    withinMemory(
      () => ({ device: 'cpu' }),
      () => Promise.reject(error),
    ),
  ).rejects.toBe(error);
});

test('batch and device are named, and what was said is the cause', async () => {
  const cause = new RuntimeError(`Status Message: ${arena} Failed to allocate memory for requested buffer of size 9`);
  const work = () => Promise.reject(cause);
  const error = await withinMemory(() => ({ device: 'cuda:1', batch: { rows: 32, length: 128 } }), work).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({
    kind: 'job',
    cause,
    message:
      'runtime: memory: expected room on cuda:1 for a batch of 32 rows × 128 tokens, got: Failed to allocate memory for requested buffer of size 9; use smaller batches or shorter rows',
  });
  await expect(
    withinMemory(
      () => ({ device: 'cpu' }),
      () => Promise.reject(error),
    ),
  ).rejects.toBe(error);
});

/** Spreads one number to as many as `size` says: 4 bytes each. */
function spreading(): Model {
  const builder = new GraphBuilder();
  const one = builder.input('x', 'float32', ['rows', 'length']);
  const size = builder.input('size', 'int64', [2]);
  builder.output(builder.op.ReduceSum(builder.op.Expand(one, size)), 'y');
  return modelOf(builder.graph);
}

/** Runs it for a length. */
const spread = (inference: Inference, length: bigint) =>
  inference.run(
    new Map<string, Tensor>([
      ['x', { dtype: 'float32', dims: [1, 1], data: Float32Array.of(1) }],
      ['size', { dtype: 'int64', dims: [2], data: BigInt64Array.of(1n, length) }],
    ]),
    ['y'],
  );

test('memory runs out on a real CPU, and goes on with what fits', async () => {
  await using inference = await createInference(spreading(), { threads: 1 });
  await expect(spread(inference, 2n ** 50n)).rejects.toThrow(
    /expected room on cpu for a batch of 1 rows × 1 tokens, got: (Failed to allocate memory|std::bad_alloc)/,
  );
  expect((await spread(inference, 8n)).get('y')?.data[0]).toBe(8);
});

const software = (await probe('webgpu')).software !== undefined;
const cuda = devices.find(({ device }) => device === 'cuda') as Found;

test.skipIf(!software).each([28n, 31n])(
  'memory runs out on webgpu for 2^%s numbers, and goes on with what fits (only on a software adapter, whose limits are known)',
  async (size) => {
    await using inference = await createInference(spreading(), { device: 'webgpu', threads: 1 });
    await expect(spread(inference, 2n ** size)).rejects.toThrow(
      /expected room on webgpu for a batch of 1 rows × 1 tokens, got: /,
    );
    expect((await spread(inference, 8n)).get('y')?.data[0]).toBe(8);
  },
  120_000,
);

test.skipIf(cuda.absent !== undefined)(`memory runs out on ${titleOf(cuda)}, and goes on with what fits`, async () => {
  await using inference = await createInference(spreading(), { device: 'cuda', threads: 1 });
  await expect(spread(inference, 2n ** 38n)).rejects.toThrow(
    /expected room on cuda for a batch of 1 rows × 1 tokens, got: /,
  );
  expect((await spread(inference, 8n)).get('y')?.data[0]).toBe(8);
});

test.runIf(process.platform === 'linux')(
  'a process that the system killed ran out of memory (linux only)',
  async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'memory-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const model = path.join(folder, 'model.onnx');
    await writeFile(model, writeModel(spreading()));
    // A session that runs on the cpu, in the process where those of webgpu live: it is there on every machine.
    const worker = new SessionWorker({ device: 'webgpu' });
    await worker.ask({ type: 'load', model, session: { device: 'cpu', threads: 1 } });
    const demand = { device: 'webgpu', batch: { rows: 8, length: 16 } };
    const [pid] = children();
    process.kill(pid as number, 'SIGKILL');
    const asked = withinMemory(
      () => demand,
      async () => {
        for (;;) await worker.ask({ type: 'hold', tensors: [] }); // until it is known to have ended
      },
    );
    await expect(asked).rejects.toThrow(
      /^runtime: memory: expected room on webgpu for a batch of 8 rows × 16 tokens, got: the process .* signal SIGKILL/,
    );
  },
);
