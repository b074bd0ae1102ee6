import { type AttentionLayer, blockOf, eachOutput } from './attention-layer.js';

/** Folds head `from` into head `into`, in place: W_O,into += W_O,from and b_O += W_O,from (b_V,from − b_V,into), then
 * `from` is cleared. Equal weights, query biases and position columns keep the function exactly; without an output
 * bias the difference of value biases is lost. */
export function foldHead(layer: AttentionLayer, from: number, into: number): void {
  const { output, valueBias } = layer;
  const shift = (into - from) * (output.length / layer.hidden / layer.heads);
  addConstant(layer, from, (c) => bias(valueBias, from, layer.heads, c) - bias(valueBias, into, layer.heads, c));
  eachOutput(layer, from, (i) => {
    output[i + shift]! += output[i]!;
  });
  clearHead(layer, from);
}

/** Removes a head, in place; the constant part of what it added, W_O b_V, stays in the output bias. */
export function removeHead(layer: AttentionLayer, head: number): void {
  addConstant(layer, head, (c) => bias(layer.valueBias, head, layer.heads, c));
  clearHead(layer, head);
}

function clearHead(layer: AttentionLayer, head: number): void {
  const { query, key, value, queryBias, keyBias, valueBias, heads } = layer;
  for (const array of [query, key, value, queryBias, keyBias, valueBias])
    array?.fill(0, ...blockOf(array, head, heads));
  eachOutput(layer, head, (i) => {
    layer.output[i] = 0;
  });
}

/** b_O += W_O,head · v. */
function addConstant(layer: AttentionLayer, head: number, v: (column: number) => number): void {
  const { output, outputBias, hidden } = layer;
  if (outputBias === undefined) return;
  const sums = new Float64Array(hidden);
  eachOutput(layer, head, (i, row, column) => {
    sums[row]! += output[i]! * v(column);
  });
  for (let row = 0; row < hidden; row++) outputBias[row]! += sums[row]!;
}

/** The head's value bias at a column of its output block; several queries may share one value head. */
function bias(valueBias: Float32Array | undefined, head: number, heads: number, column: number): number {
  if (valueBias === undefined) return 0;
  const size = valueBias.length / heads;
  return valueBias[head * size + (column % size)]!;
}
