import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { alignLabels, type Task } from '@neuroprune/evaluate';
import type { HubOptions } from '@neuroprune/hub';
import type { HeadRequest, PrunableGroups } from '@neuroprune/models';
import { buildModel, type LoadedModel, loadModel, readModelConfig } from '@neuroprune/models';
import type { Model } from '@neuroprune/onnx';
import { hiddenStates, inferenceGraph, type TrainRequest } from '@neuroprune/prune';
import {
  type Batch,
  batchInput,
  createInference,
  type Inference,
  inputTensor,
  type SessionOptions,
} from '@neuroprune/runtime';
import type { RunContext } from '../context.js';
import { NeuropruneError } from '../error.js';
import { type FetchedModel, fetchModel } from './fetch-model.js';
import type { DistillRecipe } from './recipe-options.js';
import { exists, RECIPE } from './run-folder.js';

const refuse = (expectation: string, cause?: unknown): NeuropruneError =>
  new NeuropruneError('input', `--teacher: expected ${expectation}`, { cause });

/** Fetches a teacher: a model by its id or folder, or that of a run folder. */
export async function fetchTeacher(id: string, hub: HubOptions, context: RunContext): Promise<FetchedModel> {
  const folder = path.resolve(context.cwd, id);
  const isRun = (await exists(path.join(folder, RECIPE))) && (await exists(path.join(folder, 'model')));
  return { ...(await fetchModel(isRun ? path.join(folder, 'model') : id, hub, context)), id };
}

/** What a teacher must have in common with its student. */
export interface Pupil {
  readonly task: Task;
  readonly head: HeadRequest;
  readonly model: FetchedModel;
  readonly loaded: LoadedModel;
  readonly distill: DistillRecipe;
}

/** Loads a teacher. Throws an input error where it cannot teach this student this task. */
export async function loadTeacher(teacher: FetchedModel, pupil: Pupil): Promise<LoadedModel> {
  const { task, head, model, loaded, distill } = pupil;
  const { labels } = alignLabels(task, await readModelConfig(teacher.place), teacher.id);
  if (!isDeepStrictEqual(labels, task.labels))
    throw refuse(`the labels in the order ${task.labels} as the model has them, got ${labels}`);
  if (!isDeepStrictEqual(await tokensOf(teacher), await tokensOf(model)))
    throw refuse(`the tokenizer of ${model.id}, got another; ids would mean other words`);
  const found = await loadModel(teacher.place, { head });
  if (found.fresh.length > 0)
    throw refuse(
      `a model that was trained on the task, got one without ${found.fresh[0]}; train it with finetune first`,
    );
  const [ours, theirs] = [widthOf(loaded), widthOf(found)];
  if (distill.hidden > 0 && ours !== theirs)
    throw refuse(`hidden states of width ${ours} as the model's, got ${theirs}; leave --distill-hidden away`);
  return found;
}

/** Loads a teacher that writes. Throws an input error where it cannot teach this student. */
export async function loadTextTeacher(
  teacher: FetchedModel,
  { model, loaded, distill }: Pick<Pupil, 'model' | 'loaded' | 'distill'>,
): Promise<LoadedModel> {
  if (!isDeepStrictEqual(await tokensOf(teacher), await tokensOf(model)))
    throw refuse(`the tokenizer of ${model.id}, got another; ids would mean other words`);
  const found = await loadModel(teacher.place);
  if (found.task !== loaded.task) throw refuse(`a model for ${loaded.task}, got one for ${found.task}`);
  const [ours, theirs] = [wordsOf(loaded), wordsOf(found)];
  if (ours !== theirs) throw refuse(`logits of ${ours} words as the model's, got ${theirs}`);
  const [own, width] = [widthOf(loaded), widthOf(found)];
  if (distill.hidden > 0 && own !== width)
    throw refuse(`hidden states of width ${own} as the model's, got ${width}; leave --distill-hidden away`);
  return found;
}

const wordsOf = ({ model }: LoadedModel) => model.graph.outputs[0]?.shape?.at(-1);

const widthOf = ({ tensors, prunable }: LoadedModel): number =>
  tensors.get(prunable[0]?.heads.query.weight ?? '')?.dims[1] ?? 0;

/** What of a tokenizer decides on ids. */
async function tokensOf({ folder }: FetchedModel): Promise<unknown> {
  const text = await readFile(path.join(folder, 'tokenizer.json'), 'utf8').catch((cause) => {
    throw refuse(`a tokenizer.json in ${folder} to compare, got none`, cause);
  });
  const { model, normalizer, pre_tokenizer, added_tokens } = JSON.parse(text);
  return { model, normalizer, pre_tokenizer, added_tokens };
}

/** What the trainer needs of a teacher; close it when done. */
export interface Teaching extends AsyncDisposable {
  readonly distill: NonNullable<TrainRequest['distill']>;
  readonly teacher: NonNullable<TrainRequest['teacher']>;
}

/** How a student learns. */
export interface TeachingRequest {
  /** The graph that is trained. */
  readonly student: Model;
  readonly loaded: LoadedModel;
  readonly taught: LoadedModel;
  readonly recipe: DistillRecipe;
  readonly regression: boolean;
  /** Length of sequences that hold several rows. */
  readonly packing?: number;
  readonly session: SessionOptions;
}

/** A teacher in a session of its own, which computes its outputs batch by batch. */
export async function teach(request: TeachingRequest): Promise<Teaching> {
  const { student, loaded, taught, recipe, regression, packing, session } = request;
  const weight = recipe.weight ?? (regression ? 0 : 0.5);
  const pairs = recipe.hidden > 0 ? pairsOf(student, loaded, taught) : [];
  const graph = teacherGraph(taught, pairs, packing);
  const inference = await createInference(graph, session);
  const outputs = [...(weight > 0 ? [['logits', 'logits'] as const] : []), ...pairs];
  const hidden = Object.fromEntries(pairs.map(([name]) => [name, recipe.hidden / pairs.length]));
  return {
    distill: { weight, temperature: recipe.temperature, ...(pairs.length > 0 && { hidden }) },
    teacher: (batch) => answers(inference, graph, outputs, batch),
    [Symbol.asyncDispose]: () => inference.close(),
  };
}

type Pairs = (readonly [student: string, teacher: string])[];

/** Each layer of the student with the layer of the teacher that is as far on; those that read an encoder among themselves. */
function pairsOf(student: Model, { prunable: ours }: LoadedModel, { model, prunable: theirs }: LoadedModel): Pairs {
  const reads = ({ crossHeads }: PrunableGroups) => crossHeads !== undefined;
  return [true, false].flatMap((side) => {
    const of = (groups: readonly PrunableGroups[]) => groups.filter((group) => reads(group) === side);
    return asFarOn(hiddenStates(student, of(ours)), hiddenStates(model, of(theirs)));
  });
}

/** A uniform map of layers (Jiao et al. 2020, §3). */
const asFarOn = (names: readonly string[], theirs: readonly string[]): Pairs =>
  names.map((name, i) => {
    const layer = Math.round(((i + 1) * theirs.length) / names.length) - 1;
    return [name, theirs[Math.max(0, layer)] as string] as const;
  });

function teacherGraph(
  { config, tensors, head, task }: LoadedModel,
  pairs: readonly (readonly [string, string])[],
  packing: number | undefined,
): Model {
  const { model } = buildModel({
    config,
    tensors,
    task,
    labels: head.numLabels,
    ...(packing !== undefined && { packing }),
  });
  const values = new Map(model.graph.nodes.flatMap(({ outputs }) => outputs).map((value) => [value.name, value]));
  for (const name of new Set(pairs.map(([, theirs]) => theirs))) {
    const value = values.get(name);
    if (!value) throw new Error(`internal: ${name}: expected among the teacher's values, got none`);
    model.graph.outputs.push(value);
  }
  return inferenceGraph(model);
}

async function answers(
  inference: Inference,
  { graph }: Model,
  outputs: readonly (readonly [string, string])[],
  batch: Batch,
): Promise<Record<string, Float32Array>> {
  const inputs = graph.inputs.map(({ name, shape = [] }) => {
    const values = batchInput(batch, name);
    const dims = shape.length === 1 ? [batch.rows] : [batch.rows, values.length / batch.rows];
    return [name, inputTensor('int64', values, dims)] as const;
  });
  const names = [...new Set(outputs.map(([, theirs]) => theirs))];
  const results = await inference.run(new Map(inputs), names);
  return Object.fromEntries(
    outputs.map(([ours, theirs]) => [`teacher.${ours}`, results.get(theirs)?.data as Float32Array]),
  );
}
