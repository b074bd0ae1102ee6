import { z } from 'zod';

/**
 * Precisions of ONNX files by the names that transformers.js gives them, and what each appends to a file's name
 * (`DEFAULT_DTYPE_SUFFIX_MAPPING` of its sources).
 */
export const dtypeSuffixes = {
  fp32: '',
  fp16: '_fp16',
  q8: '_quantized',
  q4: '_q4',
  q4f16: '_q4f16',
} as const;

/** A precision of an ONNX file. */
export type Dtype = keyof typeof dtypeSuffixes;

const names = Object.keys(dtypeSuffixes) as [Dtype, ...Dtype[]];
const smaller = names.filter((name) => name !== 'fp32') as [Exclude<Dtype, 'fp32'>, ...Exclude<Dtype, 'fp32'>[]];

const list = <T extends z.ZodType>(type: T) =>
  z.union([type, z.array(type).min(1)]).transform((items) => [...new Set([items].flat())] as z.output<T>[]);

/** One or more precisions, each once. */
export const dtypes = list(z.enum(names));

/** The same, of files beside the one in float32. */
export const smallerDtypes = list(z.enum(smaller));
