/**
 * Element types with their code in `TensorProto.DataType` (onnx.proto), bytes an element in memory and, for the narrow
 * ones that files pack without gaps, bits an element in a file. `string` has no fixed width.
 */
export const dtypes = {
  float32: { code: 1, bytes: 4 },
  uint8: { code: 2, bytes: 1 },
  int8: { code: 3, bytes: 1 },
  uint16: { code: 4, bytes: 2 },
  int16: { code: 5, bytes: 2 },
  int32: { code: 6, bytes: 4 },
  int64: { code: 7, bytes: 8 },
  string: { code: 8, bytes: 0 },
  bool: { code: 9, bytes: 1 },
  float16: { code: 10, bytes: 2 },
  float64: { code: 11, bytes: 8 },
  uint32: { code: 12, bytes: 4 },
  uint64: { code: 13, bytes: 8 },
  complex64: { code: 14, bytes: 8 },
  complex128: { code: 15, bytes: 16 },
  bfloat16: { code: 16, bytes: 2 },
  float8e4m3fn: { code: 17, bytes: 1 },
  float8e4m3fnuz: { code: 18, bytes: 1 },
  float8e5m2: { code: 19, bytes: 1 },
  float8e5m2fnuz: { code: 20, bytes: 1 },
  uint4: { code: 21, bytes: 1, bits: 4 },
  int4: { code: 22, bytes: 1, bits: 4 },
  float4e2m1: { code: 23, bytes: 1, bits: 4 },
  float8e8m0: { code: 24, bytes: 1 },
  uint2: { code: 25, bytes: 1, bits: 2 },
  int2: { code: 26, bytes: 1, bits: 2 },
  float6e2m3: { code: 27, bytes: 1, bits: 6 },
  float6e3m2: { code: 28, bytes: 1, bits: 6 },
} as const satisfies Record<string, { readonly code: number; readonly bytes: number; readonly bits?: 2 | 4 | 6 }>;

/** Name of an element type. */
export type DType = keyof typeof dtypes;

const byCode = new Map<number, DType>(Object.entries(dtypes).map(([name, { code }]) => [code, name as DType]));

/** The element type with this `TensorProto.DataType` code, or undefined for one we do not know. */
export const dtypeOfCode = (code: number): DType | undefined => byCode.get(code);

/** True when the name is one of an element type. */
export const isDType = (name: string): name is DType => Object.hasOwn(dtypes, name);

/** Bits of an element in a file when several share a byte, else undefined. */
export function packedBits(dtype: DType): 2 | 4 | 6 | undefined {
  const spec = dtypes[dtype];
  return 'bits' in spec ? spec.bits : undefined;
}
