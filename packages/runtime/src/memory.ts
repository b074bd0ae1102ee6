import { RuntimeError } from './errors.js';

/**
 * What is said where memory runs out: by ONNX Runtime's arenas and allocators (core/framework/bfc_arena.cc, allocator.h,
 * op_kernel.cc), by CUDA and its libraries (providers/cuda/cuda_call.cc), by WebGPU's provider, Dawn and Vulkan
 * (providers/webgpu/buffer_manager.cc), by V8, and by the system, whose killer of processes leaves a signal and no word.
 */
const signs: readonly RegExp[] = [
  /Failed to allocate memory for requested buffer of size/,
  /Available memory of \d+ is smaller than requested bytes of/,
  /Failed to find a free memory block/,
  /BFC Arena ran out of memory/,
  /Memory allocation failed\. Size=/,
  /std::bad_alloc|bad allocation|bad_array_new_length/,
  /Tensor storage size overflowed/,
  /cudaErrorMemoryAllocation|CUDA_ERROR_OUT_OF_MEMORY|CUDA failure 2\b|CUDA error.*out of memory/i,
  /CU(?:BLAS|DNN|SPARSE|FFT|RAND)_STATUS_ALLOC_FAILED|CUDNN_STATUS_INTERNAL_ERROR_\w+_ALLOCATION_FAILED/,
  /WebGPU device error\(\d+\): .*out of memory/i,
  /WebGPU device lost/,
  /Failed to create GPU buffer: size=/,
  // Why a buffer could not be made is only logged; ONNX Runtime gives Dawn no other reason than its size.
  /\[Invalid Buffer[^\]]*\] is invalid due to a previous error/,
  // A tensor that is larger than a binding may be is bound in as many parts as it takes.
  /Too many storage buffers in shader/,
  /exceeds the max(?:imum)? (?:storage )?buffer (?:binding )?size|larger than the maximum storage buffer binding size/i,
  /exceeding maxStorageBufferBindingSize/,
  /VK_ERROR_OUT_OF_(?:DEVICE|HOST)_MEMORY/,
  /Array buffer allocation failed/,
  /reaching memory limit|heap out of memory/,
  /\bENOMEM\b|Cannot allocate memory/,
  /\bSIGKILL\b/,
];

/** Whether a text is what is said where memory ran out. */
export const saysOutOfMemory = (text: string): boolean => signs.some((sign) => sign.test(text));

/** Whether an error, or one that caused it, says that memory ran out. */
export function isOutOfMemory(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return saysOutOfMemory(error.message) || isOutOfMemory(error.cause);
}

/** How an error begins that says all there is to say. */
const TOLD = 'runtime: memory: ';

/** What was asked of a device when its memory ran out. */
export interface Demand {
  readonly device: string;
  /** Rows and tokens a row of the largest batch; absent while the model is loaded. */
  readonly batch?: { readonly rows: number; readonly length: number };
}

/** Does work; where memory runs out in it, the error names the device and the batch, and keeps what was said as its cause. */
export async function withinMemory<T>(demand: () => Demand, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isOutOfMemory(error) || (error as Error).message.startsWith(TOLD)) throw error;
    const { device, batch } = demand();
    const what = batch ? `a batch of ${batch.rows} rows × ${batch.length} tokens` : 'the model';
    const mend = batch ? 'use smaller batches or shorter rows' : 'use a smaller model or a device with more of it';
    const said = (error as Error).message.replace(/^runtime: /, '');
    throw new RuntimeError(`memory: expected room on ${device} for ${what}, got: ${reasonIn(said)}; ${mend}`, 'job', {
      cause: error,
    });
  }
}

/** What matters of a text, without the places in ONNX Runtime's sources. */
function reasonIn(said: string): string {
  const [line = ''] = said.split('\n').filter(saysOutOfMemory);
  const at = line.includes('SIGKILL') ? 0 : Math.min(...signs.map((sign) => line.search(sign)).filter((i) => i >= 0));
  return line.slice(at).trim().slice(0, 200);
}
