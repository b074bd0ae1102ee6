import type { Model, Tensor } from '@neuroprune/onnx';
import { type Architecture, type ModelConfig, standardName, type Task } from './architecture.js';
import { buildModel } from './build-model.js';
import { ModelsError } from './errors.js';
import { type Head, type HeadRequest, headOf } from './head.js';
import { loadImported } from './imported/load-imported.js';
import { importedFile } from './imported/source.js';
import { freshParameter } from './initialize.js';
import { withoutData } from './params.js';
import type { PrunableGroups } from './prunable.js';
import { type Described, readConfig } from './read-config.js';
import { toFloat32 } from './safetensors/dtype.js';
import { readSafetensors, readTensorEntries } from './safetensors/read.js';
import { weightsPath } from './weights-file.js';

/** How a model is loaded. */
export interface LoadOptions {
  /** The task head; the one that the configuration describes when absent. */
  readonly head?: HeadRequest;
  /** What the logits say; a class where a head is asked for, otherwise what the class in `architectures` gives. */
  readonly task?: Task;
  /** Seed of parameters that the file lacks. */
  readonly seed?: number;
}

/** A model read from a folder. */
export interface LoadedModel {
  /** The forward graph, its initializers named as the parameters. */
  readonly model: Model;
  readonly config: ModelConfig;
  readonly architecture: Architecture;
  readonly head: Head;
  readonly task: Task;
  readonly prunable: readonly PrunableGroups[];
  /** Every parameter as float32, by standard name. */
  readonly tensors: ReadonlyMap<string, Tensor<'float32'>>;
  /** Parameters of the head that the file lacks and that were drawn from N(0, initializer_range²). */
  readonly fresh: readonly string[];
  /** Parameters that are stored but never trained. */
  readonly buffers: readonly string[];
  /** Tensors of the file, under its own names, that the model has no use for. */
  readonly unused: readonly string[];
  /** Of a model without source: what looked like part of a layer and stays dense, and the inputs' size where there is but one. */
  readonly imported?: { readonly unknown: readonly string[]; readonly fixedSize?: string };
}

/**
 * Reads a model into a forward graph: a Hugging Face folder (`config.json` and safetensors), or a model without source, an
 * ONNX file or a folder with one and no safetensors.
 */
export async function loadModel(folder: string, options: LoadOptions = {}): Promise<LoadedModel> {
  const file = await importedFile(folder);
  return file === undefined ? loadFamily(folder, options) : loadImported(file, options);
}

async function loadFamily(folder: string, options: LoadOptions): Promise<LoadedModel> {
  const { head: asked, seed = 0 } = options;
  const read = await readConfig(folder);
  const task = options.task ?? (asked ? 'sequence-classification' : taskOf(read.config, read.architecture));
  const { config, architecture } = forTask(read, task);
  const path = await weightsPath(folder);
  const entries = await readTensorEntries(path);
  const shapes = new Map(entries.map(({ name, dtype, dims }) => [name, { ...withoutData(dims), dtype } as Tensor]));
  const { tensors: known, origin } = standardTensors(shapes, architecture, config);
  const head = headOf(config, asked);
  const mayBeFresh = (name: string) => architecture.headNames.some((pattern) => pattern.test(name));
  const initialize = (name: string, dims: readonly number[]) =>
    mayBeFresh(name) ? freshParameter(name, dims, config.initializer_range, seed) : undefined;
  const request = { config, labels: head.numLabels, task };
  // What is needed is known before any of it is read; the rest of the file never is.
  const plan = buildModel({
    ...request,
    tensors: known,
    shapesOnly: true,
    initialize: (name, dims) => (mayBeFresh(name) ? withoutData(dims) : undefined),
  });
  const needed = new Set(plan.parameters.map((name) => origin.get(name)));
  refuseScaled(shapes, needed);
  const stored = await readSafetensors(path, { only: (name) => needed.has(name), each: toFloat32 });
  const { tensors } = standardTensors(stored, architecture, config);
  const built = buildModel({ ...request, tensors, initialize });
  return {
    model: built.model,
    config,
    architecture,
    head,
    task,
    prunable: architecture.prunable(config),
    tensors: parameterTensors(built.model, built.parameters),
    fresh: built.fresh,
    buffers: built.buffers,
    unused: plan.unused.map((name) => origin.get(name) ?? name),
  };
}

/** Refuses weights that are numbers only together with scales stored beside them, as quantizing tools write float8. */
function refuseScaled(stored: ReadonlyMap<string, Tensor>, needed: ReadonlySet<string | undefined>): void {
  const scale = [...stored.keys()].find((name) => needed.has(name.replace(/_scale(_inv)?$/, '')) && !needed.has(name));
  if (scale === undefined) return;
  throw new ModelsError(
    `${scale}: expected weights without scales; rounded weights cannot be trained: take the model that was quantized`,
  );
}

/** The configuration and architecture under the head of a task. */
function forTask(read: Described, task: Task): Described {
  const { classifier } = read.architecture;
  if (task !== 'sequence-classification' || !classifier) return read;
  const config = { ...read.config, architectures: [classifier.classNames[task]] };
  return { config: classifier.config.parse(config), architecture: classifier };
}

/**
 * The task of the class that a configuration names; a bare or another model writes where it can, and else classifies
 * sequences.
 */
function taskOf({ architectures }: ModelConfig, { classNames, generation }: Architecture): Task {
  const named = Array.isArray(architectures) ? architectures : [];
  const found = Object.entries(classNames).find(([, className]) => named.includes(className));
  const [first] = generation || !classNames['sequence-classification'] ? Object.keys(classNames) : [];
  return ((found?.[0] ?? first) as Task | undefined) ?? 'sequence-classification';
}

function standardTensors(
  stored: ReadonlyMap<string, Tensor>,
  architecture: Architecture,
  config: ModelConfig,
): { tensors: Map<string, Tensor>; origin: Map<string, string> } {
  const tensors = new Map<string, Tensor>();
  const origin = new Map<string, string>();
  for (const [name, content] of stored) {
    const standard = standardName(architecture, name);
    if (tensors.has(standard)) {
      throw new ModelsError(`${standard}: expected once, got it as ${origin.get(standard)} and as ${name}`);
    }
    tensors.set(standard, content);
    origin.set(standard, name);
  }
  for (const [standard, ...others] of architecture.tiedNames?.(config) ?? []) {
    const other = tensors.has(standard) ? undefined : others.find((name) => tensors.has(name));
    if (other === undefined) continue;
    tensors.set(standard, tensors.get(other) as Tensor);
    origin.set(standard, origin.get(other) as string);
    tensors.delete(other);
  }
  return { tensors, origin };
}

/** The parameters that a graph holds as initializers. */
export function parameterTensors(model: Model, names: readonly string[]): Map<string, Tensor<'float32'>> {
  const wanted = new Set(names);
  const held = model.graph.initializers.filter((value) => wanted.has(value.name));
  return new Map(held.map((value) => [value.name, value.tensor as Tensor<'float32'>]));
}
