/** Element types with their code in `TensorProto.DataType` (onnx.proto) and bytes an element; `string` has no fixed width. */
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
  bfloat16: { code: 16, bytes: 2 },
} as const;

/** Name of an element type. */
export type DType = keyof typeof dtypes;

const byCode = new Map<number, DType>(Object.entries(dtypes).map(([name, { code }]) => [code, name as DType]));

/** The element type with this `TensorProto.DataType` code, or undefined for one we do not know. */
export const dtypeOfCode = (code: number): DType | undefined => byCode.get(code);
