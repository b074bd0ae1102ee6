import { type Model, readModel, type Value } from '@neuroprune/onnx';
import { type Batch, batchInput, createInference, inputTensor, type SessionOptions } from '@neuroprune/runtime';
import { EvaluateError } from './error.js';
import type { Predict } from './evaluate.js';

/** A `Predict` that holds a session; close it when done. */
export interface SessionPredict extends AsyncDisposable {
  readonly predict: Predict;
  close(): Promise<void>;
}

const outputOf = (model: Model): string => {
  const names = model.graph.outputs.map((output) => output.name);
  const name = names.find((candidate) => candidate === 'logits') ?? (names.length === 1 ? names[0] : undefined);
  if (name !== undefined) return name;
  throw new EvaluateError(
    'input',
    `model: expected an output 'logits', got ${names.join(', ')}; convert it for sequence classification`,
  );
};

// Exporters write token inputs as int64, a few as int32.
const tokenInput = (batch: Batch, { name, dtype }: Value) => {
  if (dtype !== 'int64' && dtype !== 'int32') {
    throw new EvaluateError(
      'input',
      `model: expected int64 token inputs, got ${dtype ?? 'no type'} for '${name}'; convert it for sequence classification`,
    );
  }
  return inputTensor(dtype, batchInput(batch, name), [batch.rows, batch.length]);
};

/**
 * Makes a `Predict` of an ONNX model, or of a model file with its external data beside it. Only the token inputs that the
 * graph names are given, so models without token types work.
 * @throws EvaluateError (`input`) where the graph's inputs or outputs are not a text classifier's; RuntimeError where it does not load.
 */
export async function sessionPredict(model: Model | string, options: SessionOptions = {}): Promise<SessionPredict> {
  const parsed = typeof model === 'string' ? await readModel(model) : model;
  const { inputs } = parsed.graph;
  const output = outputOf(parsed);
  const inference = await createInference(model, options);
  const predict: Predict = async (batch) => {
    const given = new Map(inputs.map((input) => [input.name, tokenInput(batch, input)]));
    const logits = (await inference.run(given, [output])).get(output);
    if (logits?.data instanceof Float32Array) return logits.data;
    throw new EvaluateError(
      'input',
      `model: expected float32 logits, got ${logits?.dtype ?? 'nothing'}; convert it with float32 outputs`,
    );
  };
  const close = () => inference.close();
  return { predict, close, [Symbol.asyncDispose]: close };
}
