import { gradients, type Loss, losses, lossInputs } from '@neuroprune/autodiff';
import { buildModel, type LoadedModel, loadModel } from '@neuroprune/models';
import { cloneModel, eliminateDropout, float32, GraphBuilder, type Model, type Tensor } from '@neuroprune/onnx';
import { createInference } from '@neuroprune/runtime';
import { NeuropruneError } from '../error.js';
import { tokenLosses } from '../stages/token-losses.js';
import { compare, type Values, type Verification } from './compare.js';
import { type Golden, readGolden } from './golden.js';

/** What is compared. */
export interface VerifyRequest {
  /** Folder with `config.json` and `model.safetensors`. */
  readonly model: string;
  /** Golden file: inputs, `logits`, `loss` and `grad.<parameter>` of a reference implementation. */
  readonly golden: string;
}

/** Runs the model's training graph (dropout off) on a golden file's inputs and compares logits, loss and every gradient. */
export async function verifyGolden({ model: folder, golden: path }: VerifyRequest): Promise<Verification> {
  const golden = await readGolden(path);
  const loaded = await loadModel(folder, golden.tokens ? {} : { head: { numLabels: golden.columns } });
  const built = withGoldenParameters(loaded, golden);
  const parameters = built.parameters.filter((name) => !built.buffers.includes(name));
  const graph = trainingGraph(built.model, parameters, losses[lossOf(loaded, golden)]);
  return compare(await valuesOf(graph, parameters, golden), golden.expected);
}

function lossOf({ task }: LoadedModel, { labels, tokens }: Golden): keyof typeof losses {
  if (tokens !== (task !== 'sequence-classification'))
    throw new NeuropruneError(
      'input',
      `logits: expected those of ${task} in the golden file, got ${tokens ? 'a row a token' : 'a row a text'}`,
    );
  if (task !== 'sequence-classification') return tokenLosses[task];
  return labels.dtype === 'int64' ? 'crossEntropy' : 'meanSquaredError';
}

/** A golden file may hold parameters beside its values, such as a head made for it; they take the place of the model's. */
function withGoldenParameters({ config, task, tensors, fresh }: LoadedModel, golden: Golden) {
  const given = [...golden.tensors].filter(([name]) => tensors.has(name));
  const unknown = fresh.find((name) => !golden.tensors.has(name));
  if (unknown) {
    throw new NeuropruneError(
      'input',
      `${unknown}: expected in the model or in the golden file, got it in neither; gradients of a random head compare with nothing`,
    );
  }
  const all = new Map<string, Tensor>([...tensors, ...given]);
  return buildModel({ config, task, tensors: all, labels: golden.columns });
}

/** The forward graph without dropout, with the output `loss` and one `grad.<parameter>` each. */
function trainingGraph(forward: Model, parameters: readonly string[], loss: Loss): Model {
  const { model } = eliminateDropout(cloneModel(forward));
  const builder = new GraphBuilder(model.graph);
  const logits = model.graph.outputs.find((value) => value.name === 'logits');
  if (!logits) throw new Error('internal: the forward graph has no logits');
  builder.output(loss.build(builder, logits, lossInputs(builder, loss, logits)), 'loss');
  return gradients(model, { of: 'loss', wrt: parameters });
}

async function valuesOf(graph: Model, parameters: readonly string[], golden: Golden): Promise<Values> {
  // PyTorch's cross entropy leaves out rows labelled -100 (ignore_index); a loss over tokens does so by itself.
  const counts = Array.from<unknown, number>(golden.labels.data, (label) => (label === -100n ? 0 : 1));
  const weights = float32(golden.tokens ? new Float32Array(golden.labels.dims[0] ?? 0).fill(1) : counts);
  const read = new Set(graph.graph.inputs.map(({ name }) => name));
  const tokens = [...golden.inputs].filter(([name]) => read.has(name));
  const inputs = new Map([...tokens, ['labels', golden.labels], ['weights', weights]]);
  const names = ['logits', 'loss', ...parameters.map((name) => `grad.${name}`)];
  await using session = await createInference(graph);
  const outputs = await session.run(inputs, names);
  return new Map([...outputs].map(([name, t]) => comparable(name, t.data as Float32Array, golden)));
}

/** Where the golden file has only a gradient's length, ours is compared by its length too. */
const comparable = (name: string, values: Float32Array, { expected }: Golden): [string, ArrayLike<number>] =>
  expected.has(`norm.${name}`) ? [`norm.${name}`, [length(values)]] : [name, values];

const length = (values: Float32Array): number => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));
