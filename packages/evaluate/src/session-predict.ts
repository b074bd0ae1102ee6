import { type Model, readModel } from '@neuroprune/onnx';
import { createInference, type Inference, type SessionOptions } from '@neuroprune/runtime';
import { EvaluateError } from './error.js';
import type { Predict } from './evaluate.js';
import { floatLogits, inputOf, type TokenInput, tokenInput } from './token-inputs.js';

/** A `Predict` that holds a session; close it when done. */
export interface SessionPredict extends AsyncDisposable {
  readonly predict: Predict;
  /** Tokens a row may have, where the graph has rows of one length only. */
  readonly maxLength?: number;
  close(): Promise<void>;
}

/** The output of logits: by name, as the only one, or as the only one of two dimensions. */
const outputOf = ({ graph: { outputs } }: Model): string => {
  const named = outputs.find(({ name }) => /^logits(:0)?$/.test(name));
  const flat = outputs.filter(({ shape }) => shape?.length === 2);
  const found = named ?? (outputs.length === 1 ? outputs[0] : flat.length === 1 ? flat[0] : undefined);
  if (found && (found.shape ?? [0, 0]).length === 2) return found.name;
  throw new EvaluateError(
    'input',
    `model: expected an output 'logits', got ${outputs.map(({ name }) => name).join(', ')}; convert it for sequence classification`,
  );
};

/**
 * Makes a `Predict` of an ONNX model, or of a model file with its external data beside it. Its inputs are found by the names
 * that exporters give them, and only those it has are given; a graph that is fixed to a number of rows or a length gets them.
 * @throws EvaluateError (`input`) where the graph's inputs or outputs are not a text classifier's; RuntimeError where it does not load.
 */
export async function sessionPredict(model: Model | string, options: SessionOptions = {}): Promise<SessionPredict> {
  const parsed = typeof model === 'string' ? await readModel(model) : model;
  const inputs = parsed.graph.inputs.map(tokenInput);
  const output = outputOf(parsed);
  const inference = await createInference(model, options);
  const close = () => inference.close();
  const maxLength = inputs.find(({ length }) => length !== undefined)?.length;
  return {
    predict: predictor(inference, inputs, output),
    ...(maxLength !== undefined && { maxLength }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function predictor(inference: Inference, inputs: readonly TokenInput[], output: string): Predict {
  const fixedRows = inputs.find(({ rows }) => rows !== undefined)?.rows;
  const fixedLength = inputs.find(({ length }) => length !== undefined)?.length;
  return async (batch) => {
    const [rows, length] = [fixedRows ?? batch.rows, fixedLength ?? batch.length];
    if (batch.length > length) {
      throw new EvaluateError('input', `model: expected rows of at most ${length} tokens, got ${batch.length}`);
    }
    const parts: Float32Array[] = [];
    for (let from = 0; from < batch.rows; from += rows) {
      const given = new Map(inputs.map((input) => [input.name, inputOf(input, batch, { from, rows, length })]));
      const logits = floatLogits((await inference.run(given, [output])).get(output));
      parts.push(logits.subarray(0, (logits.length / rows) * Math.min(rows, batch.rows - from)));
    }
    return parts.length === 1 ? parts[0]! : Float32Array.from(parts.flatMap((part) => [...part]));
  };
}
