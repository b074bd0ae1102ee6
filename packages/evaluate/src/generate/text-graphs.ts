import { access } from 'node:fs/promises';
import path from 'node:path';
import { type DType, readModel, type Tensor, tensor, type Value } from '@neuroprune/onnx';
import { createInference, type Inference, type SessionOptions } from '@neuroprune/runtime';
import { EvaluateError } from '../error.js';

/** Keys or values of earlier tokens that a decoder takes and hands on. */
export interface CacheEntry {
  readonly input: string;
  readonly output: string;
  readonly dtype: DType;
  readonly heads: number;
  readonly size: number;
  /** Whether they are of the encoder's tokens, and the same at each step. */
  readonly ofSource: boolean;
}

/** A graph of tokens that is ready to run. */
export interface TokenGraph {
  readonly inference: Inference;
  /** Types of its inputs by name, those of the cache left out. */
  readonly inputs: ReadonlyMap<string, DType>;
  readonly cache: readonly CacheEntry[];
}

/** A model that writes text. */
export interface TextGraphs extends AsyncDisposable {
  /** Reads what the decoder writes from; a model without one goes on with its prompt. */
  readonly encoder?: TokenGraph;
  readonly decoder: TokenGraph;
}

const encoderInputs = ['input_ids', 'attention_mask'];
const decoderInputs = ['input_ids', 'encoder_attention_mask', 'encoder_hidden_states', 'use_cache_branch'];
const causalInputs = ['input_ids', 'attention_mask', 'position_ids', 'use_cache_branch'];

/**
 * Opens the files of a model's folder, or of `onnx/` in it: `encoder_model.onnx` and `decoder_model_merged.onnx`, or
 * `model.onnx` with a cache.
 * @throws EvaluateError (`input`) where they are not there or are not models that write text; RuntimeError where they do not load.
 */
export async function openTextGraphs(folder: string, options: SessionOptions = {}): Promise<TextGraphs> {
  const encoderFile = await fileIn(folder, 'encoder_model.onnx');
  const decoderFile = await fileIn(folder, encoderFile ? 'decoder_model_merged.onnx' : 'model.onnx');
  if (!decoderFile)
    throw new EvaluateError(
      'input',
      `model: expected model.onnx, or encoder_model.onnx with decoder_model_merged.onnx, got neither (${folder}); convert the model`,
    );
  const encoder = encoderFile ? await open(encoderFile, encoderInputs, options) : undefined;
  try {
    const decoder = await open(decoderFile, encoderFile ? decoderInputs : causalInputs, options);
    const graphs = [decoder, ...(encoder ? [encoder] : [])];
    const close = async () => void (await Promise.all(graphs.map(({ inference }) => inference.close())));
    return { decoder, ...(encoder && { encoder }), [Symbol.asyncDispose]: close };
  } catch (error) {
    await encoder?.inference.close();
    throw error;
  }
}

async function fileIn(folder: string, name: string): Promise<string | undefined> {
  for (const file of [path.join(folder, 'onnx', name), path.join(folder, name)]) {
    const there = await access(file).then(
      () => true,
      () => false,
    );
    if (there) return file;
  }
  return undefined;
}

const PAST = 'past_key_values.';

async function open(file: string, known: readonly string[], options: SessionOptions): Promise<TokenGraph> {
  const { graph } = await readModel(file);
  const own = graph.inputs.filter(({ name }) => !name.startsWith(PAST));
  const stray = own.find(({ name, dtype }) => !known.includes(name) || dtype === undefined);
  if (stray)
    throw new EvaluateError('input', `model: expected inputs ${known.join(', ')}, got ${stray.name} (${file})`);
  const cache = graph.inputs.filter(({ name }) => name.startsWith(PAST)).map((value) => cacheEntry(value, file));
  const needed = file.endsWith('encoder_model.onnx') ? 'last_hidden_state' : 'logits';
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const missing = [needed, ...cache.map(({ output }) => output)].find((name) => !outputs.has(name));
  if (missing || (needed === 'logits' && cache.length === 0))
    throw new EvaluateError(
      'input',
      `model: expected a graph that writes text, got one without ${missing ?? 'a cache'} (${file}); convert the model anew`,
    );
  const inputs = new Map(own.map(({ name, dtype }) => [name, dtype!]));
  return { inference: await createInference(file, options), inputs, cache };
}

function cacheEntry({ name, dtype, shape }: Value, file: string): CacheEntry {
  const [, heads, , size] = shape ?? [];
  if (dtype === undefined || typeof heads !== 'number' || typeof size !== 'number')
    throw new EvaluateError(
      'input',
      `model: expected [batch, heads, tokens, size] with numbers of heads and size, got ${shape} of ${name} (${file})`,
    );
  const output = name.replace(PAST, 'present.');
  return { input: name, output, dtype, heads, size, ofSource: name.includes('.encoder.') };
}

/** A cache without tokens. */
export const emptyCache = ({ dtype, heads, size }: CacheEntry, rows: number): Tensor =>
  tensor(dtype, [rows, heads, 0, size], dtype === 'float32' ? new Float32Array(0) : new Uint16Array(0));
