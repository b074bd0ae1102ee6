import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { float32, GraphBuilder, type Model, modelOf, saveModel, type Value } from '@neuroprune/onnx';
import { temporaryFolder } from './shared.js';

/** A small model whose next token depends on the last token, its position, and the sum of all tokens that count. */
export interface History {
  /** Scores by last token, [vocabulary, vocabulary]. */
  readonly table: readonly (readonly number[])[];
  /** Added to the scores once for the sum of tokens and once for the position. */
  readonly tokens: readonly number[];
  readonly positions: readonly number[];
}

/** Random scores from a generator of numbers in [0, 1). */
export function randomHistory(size: number, random: () => number): History {
  const row = (scale: number) => Array.from({ length: size }, () => scale * (random() - 0.5));
  return { table: Array.from({ length: size }, () => row(6)), tokens: row(1), positions: row(1) };
}

/** Scores of the next token after a text. */
export const nextScores = ({ table, tokens, positions }: History, text: readonly number[]): number[] => {
  const sum = text.reduce((a, b) => a + b, 0);
  return table[text.at(-1)!]!.map((x, i) => x + sum * tokens[i]! + (text.length - 1) * positions[i]!);
};

const vector = (builder: GraphBuilder, name: string, values: readonly number[]): Value =>
  builder.initializer(name, float32(values, [1, 1, values.length]));

/** The decoder: ids of earlier tokens are its cache. */
export function historyModel({ table, tokens, positions }: History): Model {
  const builder = new GraphBuilder();
  const { op } = builder;
  const ids = builder.input('input_ids', 'int64', ['batch', 'sequence']);
  const mask = builder.input('attention_mask', 'int64', ['batch', 'total']);
  const at = builder.input('position_ids', 'int64', ['batch', 'sequence']);
  const past = builder.input('past_key_values.0.key', 'float32', ['batch', 1, 'past', 1]);
  const own = op.Unsqueeze(op.Cast(ids, { to: 1 }), builder.ints(1, 3));
  const all = op.Concat([past, own], { axis: 2 });
  const counted = op.Mul(all, op.Unsqueeze(op.Cast(mask, { to: 1 }), builder.ints(1, 3)));
  const sum = op.ReduceSum(op.Squeeze(counted, builder.ints(1)), builder.ints(1), { keepdims: 1 });
  const scores = op.Gather(builder.initializer('table', float32(table.flat(), [table.length, table.length])), ids);
  const place = op.Unsqueeze(op.Cast(at, { to: 1 }), builder.ints(2));
  const history = op.Mul(sum, vector(builder, 'tokens', tokens));
  const positional = op.Mul(place, vector(builder, 'positions', positions));
  builder.output(op.Add(op.Add(scores, history), positional), 'logits');
  builder.output(all, 'present.0.key');
  return modelOf(builder.graph);
}

/** An encoder that hands on a vector for each token, from the same table. */
export function sourceModel({ table }: History): Model {
  const builder = new GraphBuilder();
  const ids = builder.input('input_ids', 'int64', ['batch', 'sequence']);
  const rows = builder.initializer('table', float32(table.flat(), [table.length, table.length]));
  builder.output(builder.op.Gather(rows, ids), 'last_hidden_state');
  return modelOf(builder.graph);
}

/** A decoder that adds the source's vectors, which it keeps in its cache, to its scores. */
export function readingModel({ table }: History): Model {
  const builder = new GraphBuilder();
  const { op } = builder;
  const size = table.length;
  const ids = builder.input('input_ids', 'int64', ['batch', 'sequence']);
  const mask = builder.input('encoder_attention_mask', 'int64', ['batch', 'source']);
  const states = builder.input('encoder_hidden_states', 'float32', ['batch', 'source', size]);
  const branch = builder.input('use_cache_branch', 'bool', [1]);
  const past = builder.input('past_key_values.0.decoder.key', 'float32', ['batch', 1, 'past', 1]);
  const read = builder.input('past_key_values.0.encoder.key', 'float32', ['batch', 1, 'read', size]);
  // As in merged exports: what the first branch hands on is whole, and what the second does is nothing.
  const length = op.Shape(states, { start: 1, end: 2 });
  const known = op.Mul(op.Cast(branch, { to: 7 }), length);
  const rest = op.Unsqueeze(op.Slice(states, known, length, builder.ints(1)), builder.ints(1));
  const source = op.Concat([read, rest], { axis: 2 });
  const counted = op.Mul(source, op.Unsqueeze(op.Cast(mask, { to: 1 }), builder.ints(1, 3)));
  const sum = op.ReduceSum(op.Squeeze(counted, builder.ints(1)), builder.ints(1), { keepdims: 1 });
  const scores = op.Gather(builder.initializer('table', float32(table.flat(), [size, size])), ids);
  builder.output(op.Add(scores, sum), 'logits');
  const own = op.Unsqueeze(op.Cast(ids, { to: 1 }), builder.ints(1, 3));
  builder.output(op.Concat([past, own], { axis: 2 }), 'present.0.decoder.key');
  builder.output(rest, 'present.0.encoder.key');
  return modelOf(builder.graph);
}

/** A folder with models by file name in `onnx/`, and JSON files beside it. */
export async function generatorFolder(
  models: Readonly<Record<string, Model>>,
  files: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const folder = await temporaryFolder();
  await mkdir(path.join(folder, 'onnx'));
  for (const [name, model] of Object.entries(models)) await saveModel(model, path.join(folder, 'onnx', `${name}.onnx`));
  for (const [name, content] of Object.entries(files))
    await writeFile(path.join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  return folder;
}
