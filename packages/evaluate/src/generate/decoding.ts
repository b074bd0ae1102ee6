import { type Tensor, tensor } from '@neuroprune/onnx';
import { inputTensor } from '@neuroprune/runtime';
import { floatLogits } from '../token-inputs.js';
import { integerRows, selectRows } from './tensor-rows.js';
import { emptyCache, type TextGraphs, type TokenGraph } from './text-graphs.js';

/** A batch of texts in the making, as far as the model has read them. */
export interface Decoding {
  /** Of each row's last token. */
  readonly logits: readonly Float32Array[];
  /** Tokens the decoder has read, padding included. */
  readonly length: number;
  /** Padding before each row. */
  readonly padding: readonly number[];
  /** The prompt that each row belongs to. */
  readonly prompts: readonly number[];
  /** By the names of the decoder's inputs. */
  readonly cache: ReadonlyMap<string, Tensor>;
  /** What the decoder reads, by the names of its inputs. */
  readonly source: ReadonlyMap<string, Tensor>;
}

/** The text that a batch starts with. */
export interface Prompts {
  /** What an encoder reads; absent without one. */
  readonly source?: readonly (readonly number[])[];
  /** What the decoder reads first, at least a token each. */
  readonly decoder: readonly (readonly number[])[];
  readonly padId: number;
}

/** Reads the prompts: those of an encoder padded on the right, those of a decoder on the left. */
export async function startDecoding(graphs: TextGraphs, { source, decoder, padId }: Prompts): Promise<Decoding> {
  const rows = decoder.length;
  const length = Math.max(...decoder.map((row) => row.length));
  return read(graphs.decoder, integerRows('int64', decoder, { side: 'left', value: padId }), {
    length: 0,
    padding: decoder.map((row) => length - row.length),
    prompts: decoder.map((_, i) => i),
    cache: new Map(graphs.decoder.cache.map((entry) => [entry.input, emptyCache(entry, rows)])),
    source: source ? await encoded(graphs.encoder!, source, padId) : new Map(),
  });
}

/** Goes on with a token for each row; `parents` are the rows of before whose text each one goes on. */
export async function continueDecoding(
  { decoder }: TextGraphs,
  decoding: Decoding,
  parents: readonly number[],
  tokens: readonly number[],
): Promise<Decoding> {
  return read(
    decoder,
    integerRows(
      'int64',
      tokens.map((token) => [token]),
    ),
    rowsOf(decoding, parents, decoder),
  );
}

async function encoded(
  { inference, inputs }: TokenGraph,
  rows: readonly (readonly number[])[],
  padId: number,
): Promise<Map<string, Tensor>> {
  const mask = integerRows(
    'int64',
    rows.map((row) => row.map(() => 1)),
  );
  const given = { input_ids: integerRows('int64', rows, { side: 'right', value: padId }), attention_mask: mask };
  const outputs = await inference.run(new Map(Object.entries(given).filter(([name]) => inputs.has(name))), [
    'last_hidden_state',
  ]);
  return new Map([
    ['encoder_hidden_states', outputs.get('last_hidden_state')!],
    ['encoder_attention_mask', mask],
  ]);
}

type Unread = Omit<Decoding, 'logits'>;

/** Rows by their places; what belongs to a prompt stays as it is where the rows' prompts do. */
function rowsOf({ logits: _, ...decoding }: Decoding, rows: readonly number[], { cache }: TokenGraph): Unread {
  const { padding, prompts } = decoding;
  if (rows.length === prompts.length && rows.every((row, i) => row === i)) return decoding;
  const sameSource = rows.length === prompts.length && rows.every((row, i) => prompts[row] === prompts[i]);
  const select = (tensors: ReadonlyMap<string, Tensor>, kept: (name: string) => boolean) =>
    new Map([...tensors].map(([name, value]) => [name, kept(name) ? value : selectRows(value, rows)]));
  const ofSource = new Set(cache.filter((entry) => entry.ofSource).map(({ input }) => input));
  return {
    ...decoding,
    padding: rows.map((row) => padding[row]!),
    prompts: rows.map((row) => prompts[row]!),
    cache: select(decoding.cache, (name) => sameSource && ofSource.has(name)),
    source: select(decoding.source, () => sameSource),
  };
}

async function read({ inference, inputs, cache }: TokenGraph, ids: Tensor, before: Unread): Promise<Decoding> {
  const count = ids.dims[1]!;
  const length = before.length + count;
  const given = new Map<string, Tensor>([['input_ids', ids], ...before.source, ...before.cache]);
  if (inputs.has('attention_mask') && before.source.size === 0)
    given.set('attention_mask', attentionMask(before, length));
  if (inputs.has('position_ids')) given.set('position_ids', positions(before, count));
  if (inputs.has('use_cache_branch'))
    given.set('use_cache_branch', tensor('bool', [1], Uint8Array.of(Number(before.length > 0))));
  const wanted = cache.filter(({ ofSource }) => before.length === 0 || !ofSource);
  const outputs = await inference.run(given, ['logits', ...wanted.map(({ output }) => output)]);
  return {
    ...before,
    length,
    logits: lastLogits(outputs.get('logits')!),
    cache: new Map([
      ...before.cache,
      ...wanted.map(({ input, output }): [string, Tensor] => [input, outputs.get(output)!]),
    ]),
  };
}

const attentionMask = ({ padding }: Unread, length: number): Tensor =>
  integerRows(
    'int64',
    padding.map((pad) => Array.from({ length }, (_, at) => Number(at >= pad))),
  );

/** Positions of the new tokens among those that are no padding, which itself has 1, as in transformers. */
function positions({ padding, length }: Unread, count: number): Tensor {
  const values = padding.flatMap((pad) =>
    Array.from({ length: count }, (_, i) => (length + i >= pad ? length + i - pad : 1)),
  );
  return inputTensor('int64', Int32Array.from(values), [padding.length, count]);
}

function lastLogits(logits: Tensor): Float32Array[] {
  const [rows = 0, tokens = 0, size = 0] = logits.dims;
  const values = floatLogits(logits);
  return Array.from({ length: rows }, (_, row) =>
    values.subarray((row * tokens + tokens - 1) * size, (row + 1) * tokens * size),
  );
}
