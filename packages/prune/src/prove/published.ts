import { access } from 'node:fs/promises';
import path from 'node:path';
import { type Model, readModel, type Tensor, tensor, type Value } from '@neuroprune/onnx';
import { createInference, type Inference, inputTensor, type SessionOptions } from '@neuroprune/runtime';
import { PruneError } from '../errors.js';
import type { TokenBatch } from './batch-file.js';

/** A model that is ready to run over batches; close it when done. */
export interface Forward extends AsyncDisposable {
  /** Logits of all rows, filler rows included. */
  logits(batch: TokenBatch): Promise<Tensor>;
}

/** Runs a forward graph, which reads the batch's inputs by their names. */
export async function openGraph(model: Model, options: SessionOptions): Promise<Forward> {
  const names = model.graph.inputs.map(({ name }) => name);
  const inference = await createInference(model, options);
  return {
    async logits(batch) {
      const inputs = new Map(names.map((name) => [name, ids(batch, name)]));
      return (await inference.run(inputs, ['logits'])).get('logits') as Tensor;
    },
    [Symbol.asyncDispose]: () => inference.close(),
  };
}

/**
 * Opens the ONNX files of a published folder: `onnx/model.onnx`, whose cache, where it has one, stays empty, or
 * `onnx/encoder_model.onnx` with `onnx/decoder_model_merged.onnx`. `suffix` stands at the end of the names, as `_q4` does.
 */
export async function openPublished(
  folder: string,
  { suffix = '', ...options }: SessionOptions & { readonly suffix?: string } = {},
): Promise<Forward> {
  const file = (name: string) => path.join(folder, 'onnx', `${name}${suffix}.onnx`);
  const reads = await access(file('encoder_model')).then(
    () => true,
    () => false,
  );
  if (!reads) return oneFile(await openFile(file('model'), options));
  const encoder = await openFile(file('encoder_model'), options);
  try {
    return twoFiles(encoder, await openFile(file('decoder_model_merged'), options));
  } catch (error) {
    await encoder.inference.close();
    throw error;
  }
}

/** A file that runs, and what it takes. */
interface OpenFile {
  readonly inference: Inference;
  readonly inputs: readonly Value[];
}

async function openFile(file: string, options: SessionOptions): Promise<OpenFile> {
  const inference = await createInference(file, options);
  try {
    const { graph } = await readModel(file);
    return { inference, inputs: graph.inputs };
  } catch (error) {
    await inference.close();
    throw error;
  }
}

const oneFile = (model: OpenFile): Forward => ({
  logits: (batch) => result(model, batch, 'logits', new Map()),
  [Symbol.asyncDispose]: () => model.inference.close(),
});

const twoFiles = (encoder: OpenFile, decoder: OpenFile): Forward => ({
  async logits(batch) {
    const states = await result(encoder, batch, 'last_hidden_state', new Map());
    const given = new Map([
      ['input_ids', ids(batch, 'decoder_input_ids')],
      ['encoder_attention_mask', ids(batch, 'attention_mask')],
      ['encoder_hidden_states', states],
    ]);
    return result(decoder, batch, 'logits', given);
  },
  async [Symbol.asyncDispose]() {
    await encoder.inference.close();
    await decoder.inference.close();
  },
});

async function result(
  { inference, inputs }: OpenFile,
  batch: TokenBatch,
  output: string,
  given: ReadonlyMap<string, Tensor>,
): Promise<Tensor> {
  const all = inputs.map((input) => [input.name, given.get(input.name) ?? suppliedFor(input, batch)] as const);
  return (await inference.run(new Map(all), [output])).get(output) as Tensor;
}

/** What a graph takes beside the batch: a cache without tokens, and where tokens stand. */
function suppliedFor({ name, shape = [] }: Value, batch: TokenBatch): Tensor {
  if (name.startsWith('past_key_values.')) {
    const [, heads, , size] = shape;
    if (typeof heads !== 'number' || typeof size !== 'number')
      throw new PruneError(`proof: expected numbers of heads and their size in ${name}, got [${shape}]`);
    return tensor('float32', [batch.rows, heads, 0, size], new Float32Array(0));
  }
  if (name === 'position_ids' && !batch.inputs.position_ids) {
    const { rows, length } = batch;
    const positions = Int32Array.from({ length: rows * length }, (_, i) => i % length);
    return inputTensor('int64', positions, [rows, length]);
  }
  return ids(batch, name);
}

function ids({ rows, inputs }: TokenBatch, name: string): Tensor {
  const values = inputs[name];
  if (!values) throw new PruneError(`proof: expected '${name}' in the batches, got ${Object.keys(inputs).join(', ')}`);
  return inputTensor('int64', values, [rows, values.length / rows]);
}
