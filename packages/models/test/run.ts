import { type Model, type Tensor, writeModel } from '@neuroprune/onnx';
import * as ort from 'onnxruntime-node';

/** Token rows, int64 [batch, sequence] each. */
export interface Tokens {
  readonly batch: number;
  readonly sequence: number;
  readonly input_ids: readonly number[];
  readonly attention_mask: readonly number[];
  readonly token_type_ids: readonly number[];
  /** Of packed examples. */
  readonly position_ids?: readonly number[];
  readonly first_tokens?: readonly number[];
}

/** Rows of given lengths, padded to `sequence`, with ids below `vocabulary`. */
export function tokens(lengths: readonly number[], sequence: number, vocabulary: number): Tokens {
  const cells = lengths.flatMap((length, row) =>
    Array.from({ length: sequence }, (_, i) => ({ real: i < length, row, i, second: i >= length / 2 })),
  );
  return {
    batch: lengths.length,
    sequence,
    input_ids: cells.map(({ real, row, i }) => (real ? 1 + ((7 * row + 3 * i) % (vocabulary - 1)) : 0)),
    attention_mask: cells.map(({ real }) => Number(real)),
    token_type_ids: cells.map(({ real, second }) => Number(real && second)),
  };
}

/** The inputs that a golden file holds. */
export function goldenTokens(golden: ReadonlyMap<string, Tensor>): Tokens {
  const [batch = 0, sequence = 0] = golden.get('input_ids')?.dims ?? [];
  // A model without token types has none in its file either.
  const ids = (name: string) =>
    Array.from((golden.get(name)?.data ?? new BigInt64Array(batch * sequence)) as BigInt64Array, Number);
  return {
    batch,
    sequence,
    input_ids: ids('input_ids'),
    attention_mask: ids('attention_mask'),
    token_type_ids: ids('token_type_ids'),
  };
}

/** Logits of a forward graph in ONNX Runtime on the CPU. */
export async function logits(model: Model, t: Tokens): Promise<number[]> {
  const session = await ort.InferenceSession.create(writeModel(model));
  const { batch, sequence, ...given } = t;
  const input = (values: readonly number[]) =>
    new ort.Tensor(
      'int64',
      BigInt64Array.from(values, BigInt),
      values.length === batch * sequence ? [batch, sequence] : [batch],
    );
  const read = Object.entries(given).filter(([name]) => session.inputNames.includes(name));
  const result = await session.run(Object.fromEntries(read.map(([name, values]) => [name, input(values)])));
  await session.release();
  return Array.from(result.logits?.data as Float32Array);
}

/** Largest difference, relative to the largest expected magnitude. */
export function relativeError(actual: readonly number[], expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  const wanted = Array.from(expected);
  const scale = Math.max(...wanted.map(Math.abs));
  return Math.max(...wanted.map((e, i) => Math.abs((actual[i] as number) - e))) / scale;
}
