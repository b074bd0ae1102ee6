import { fromFloat16Bits, type Tensor, type Value } from '@neuroprune/onnx';
import { type Batch, inputTensor } from '@neuroprune/runtime';
import { EvaluateError } from './error.js';

/** Kinds of token inputs, and what exporters call them. */
const names = {
  input_ids: ['input_ids', 'input', 'input.1', 'input_word_ids', 'tokens'],
  attention_mask: ['attention_mask', 'input_mask', 'mask'],
  token_type_ids: ['token_type_ids', 'segment_ids', 'input_type_ids'],
  position_ids: ['position_ids'],
} as const;

type Kind = keyof typeof names;

/** A graph's token input: what it takes, and the sizes it is fixed to. */
export interface TokenInput {
  readonly name: string;
  readonly kind: Kind;
  readonly dtype: 'int64' | 'int32';
  readonly rows?: number;
  readonly length?: number;
}

/** Finds out by its name which tokens an input takes. Throws an input error for one that takes none. */
export function tokenInput({ name, dtype, shape }: Value): TokenInput {
  const bare = name.replace(/:\d+$/, '').toLowerCase();
  const kind = (Object.keys(names) as Kind[]).find((one) => (names[one] as readonly string[]).includes(bare));
  const fail = (expected: string, got: string): EvaluateError =>
    new EvaluateError(
      'input',
      `model: expected ${expected}, got ${got} for '${name}'; convert it for sequence classification`,
    );
  if (kind === undefined) throw fail(`token inputs (${Object.keys(names).join(', ')})`, 'another input');
  if (dtype !== 'int64' && dtype !== 'int32') throw fail('int64 token inputs', dtype ?? 'no type');
  const [rows, length] = (shape ?? []).map((dim) => (typeof dim === 'number' && dim > 0 ? dim : undefined));
  return { name, kind, dtype, ...(rows !== undefined && { rows }), ...(length !== undefined && { length }) };
}

const sources = {
  input_ids: (batch) => batch.inputs.input_ids!,
  attention_mask: (batch) => batch.inputs.attention_mask!,
  token_type_ids: (batch) => batch.inputs.token_type_ids!,
  position_ids: ({ rows, length }) => Int32Array.from({ length: rows * length }, (_, i) => i % length),
} satisfies Record<Kind, (batch: Batch) => Int32Array>;

/** Values of a batch for an input, `rows` of them from a row on, padded with zeros to the sizes asked. */
export function inputOf(
  { kind, dtype }: TokenInput,
  batch: Batch,
  { from, rows, length }: { readonly from: number; readonly rows: number; readonly length: number },
): Tensor {
  const values = sources[kind](batch);
  if (from === 0 && rows === batch.rows && length === batch.length) return inputTensor(dtype, values, [rows, length]);
  const padded = new Int32Array(rows * length);
  for (let row = 0; row < rows; row++) {
    // Rows missing to a fixed size repeat the last one, for one that attends to nothing could give NaN.
    const at = Math.min(from + row, batch.rows - 1) * batch.length;
    padded.set(values.subarray(at, at + batch.length), row * length);
  }
  return inputTensor(dtype, padded, [rows, length]);
}

/** Logits as float32, from the types that models give them in. */
export function floatLogits(logits: Tensor | undefined): Float32Array {
  if (logits?.data instanceof Float32Array) return logits.data;
  if (logits?.data instanceof Float64Array) return Float32Array.from(logits.data);
  if (logits?.dtype === 'float16' && logits.data instanceof Uint16Array)
    return Float32Array.from(logits.data, fromFloat16Bits);
  throw new EvaluateError(
    'input',
    `model: expected logits of a float type, got ${logits?.dtype ?? 'nothing'}; convert it with float32 outputs`,
  );
}
