import { z } from 'zod';

/** Types of products in training: `tf32` is float32 of which products read 10 bits of mantissa. */
export const Precision = z.enum(['fp32', 'tf32', 'fp16', 'bf16']);

/** Type of products in training. */
export type Precision = z.infer<typeof Precision>;

/** Whether ONNX Runtime multiplies in a type on cuda alone. */
export const isOfCuda = (precision: string | undefined): precision is 'tf32' | 'bf16' =>
  precision === 'tf32' || precision === 'bf16';

/** Says that a type is not for a device. */
export const misplaced = (precision: string, device: string): string =>
  `expected fp32 or fp16 on ${device}, got ${precision}, which ONNX Runtime's ${device} provider cannot multiply in`;
