import { sizeOf } from '@neuroprune/onnx';
import type { Inputs } from './inputs.js';

/** What training takes and what there is, in bytes. */
export interface Memory {
  /** Process, state and activations at the longest batch. */
  readonly estimate: number;
  /** What this process may still get: free memory, less where its group of processes is limited. */
  readonly available: number;
}

/** Node.js, ONNX Runtime, tokenizer and what is known of the rows. */
const PROCESS = 200e6;
/**
 * Copies of the parameters at the most, as measured: weights and two moments before and after a step, on the way between
 * threads and in a checkpoint, the gradient, what the optimizer makes of both, and the model as it was loaded.
 */
const STATE_COPIES = 19;
/** Further copies for a further slot of the state: before and after a step, on the way and in a checkpoint. */
const SLOT_COPIES = 4;
/**
 * Float32 numbers a token takes at the most, in units of the hidden width, of the hidden units, and of the scores of
 * attention, layer by layer; as measured.
 */
const KEPT = { width: 22, units: 5, scores: 5 } as const;

/** State and activations of a step; the longest row stands for the longest batch. */
export function memoryOf({ recipe, prepared }: Pick<Inputs, 'recipe' | 'prepared'>): Memory {
  const { loaded, work, teacher } = prepared;
  const parameters = [...loaded.tensors.values()].reduce((sum, { dims }) => sum + sizeOf(dims), 0);
  const { longest: length, outputs } = work;
  const token = loaded.prunable.reduce((sum, { heads, neurons }) => {
    const width = heads.count * heads.size;
    return sum + KEPT.width * width + KEPT.units * neurons.count + KEPT.scores * heads.count * length;
  }, 0);
  const slots = Number((recipe.accumulate ?? 1) > 1) + Number(recipe.ema !== undefined);
  const copies = STATE_COPIES + SLOT_COPIES * slots + (teacher ? 1 : 0);
  const floats = copies * parameters + recipe.batchSize * (length * token + outputs);
  return { estimate: PROCESS + 4 * floats, available: availableMemory() };
}

/** Bytes that this process may still get. */
export const availableMemory = (): number => process.availableMemory();

/** A warning where training takes more than there is. */
export function memoryWarning({ estimate, available }: Memory): string | undefined {
  if (estimate <= available) return undefined;
  return `memory: expected room for about ${megabytes(estimate)} MB, got ${megabytes(available)} MB; try --accumulate auto, a lower --batch-size or --max-length`;
}

const megabytes = (bytes: number): string => Math.round(bytes / 1e6).toLocaleString('en-US');
