import type { PrunableLayer } from '../layer.js';

/** Numbers in Hugging Face layout, row-major. */
export type Numbers = Float32Array | Float64Array | readonly number[];

/** What head similarity looks at: `heads` equal blocks of rows of query, key and value over `hidden` columns. */
export interface HeadWeights {
  readonly query: Numbers;
  readonly key: Numbers;
  readonly value: Numbers;
  readonly queryBias?: Numbers | undefined;
  /** Table [rows, heads] of what is added to the scores of each head. */
  readonly positions?: Numbers | undefined;
  readonly heads: number;
  /** Input dimensions, the columns of query, key and value. */
  readonly hidden: number;
}

/** One attention block with its output projection [hidden, heads · head size]; its arrays are changed in place. */
export interface AttentionLayer extends HeadWeights {
  readonly query: Float32Array;
  readonly key: Float32Array;
  readonly value: Float32Array;
  readonly output: Float32Array;
  readonly queryBias?: Float32Array | undefined;
  readonly keyBias?: Float32Array | undefined;
  readonly valueBias?: Float32Array | undefined;
  readonly outputBias?: Float32Array | undefined;
}

/** The attention block of a prunable layer, over the same arrays. */
export function attentionOf({ query, key, value, output, biases, positions, heads }: PrunableLayer): AttentionLayer {
  return {
    query: query.data,
    key: key.data,
    value: value.data,
    output: output.data,
    queryBias: biases.query,
    keyBias: biases.key,
    valueBias: biases.value,
    outputBias: biases.output,
    positions,
    heads,
    hidden: query.cols,
  };
}

/** Start and end of a head's block in an array whose first axis holds the heads. */
export function blockOf(array: Numbers, head: number, heads: number): [start: number, end: number] {
  const size = array.length / heads;
  return [head * size, (head + 1) * size];
}

/** Calls back with each index of a head's columns in the output projection, its row, and its column inside the head. */
export function eachOutput(
  { output, heads, hidden }: Pick<AttentionLayer, 'output' | 'heads' | 'hidden'>,
  head: number,
  visit: (index: number, row: number, column: number) => void,
): void {
  const cols = output.length / hidden;
  const size = cols / heads;
  for (let row = 0; row < hidden; row++) for (let c = 0; c < size; c++) visit(row * cols + head * size + c, row, c);
}

/** Which heads still do something: a head is dead when its value rows or its output columns are all zero. */
export function liveHeads(layer: Pick<AttentionLayer, 'value' | 'output' | 'heads' | 'hidden'>): boolean[] {
  return Array.from({ length: layer.heads }, (_, head) => {
    if (layer.value.subarray(...blockOf(layer.value, head, layer.heads)).every((w) => w === 0)) return false;
    let live = false;
    eachOutput(layer, head, (i) => {
      live ||= layer.output[i] !== 0;
    });
    return live;
  });
}

/** Heads of all layers that still do something. */
export const liveHeadCount = (layers: readonly PrunableLayer[]): number =>
  layers.reduce((sum, layer) => sum + liveHeads(attentionOf(layer)).filter(Boolean).length, 0);

/** Weights other than zero of each head of all layers, in its rows of Q, K, V or its columns of O, the most first. */
export function headWeights(layers: readonly PrunableLayer[], kind: 'qkv' | 'output'): number[] {
  const counts = layers.flatMap((layer) => {
    const { query, key, value, ...rest } = attentionOf(layer);
    return Array.from({ length: layer.heads }, (_, head) => {
      let count = 0;
      if (kind === 'output') eachOutput(rest, head, (i) => (count += Number(rest.output[i] !== 0)));
      else
        for (const array of [query, key, value])
          for (const w of array.subarray(...blockOf(array, head, layer.heads))) count += Number(w !== 0);
      return count;
    });
  });
  return counts.sort((a, b) => b - a);
}
