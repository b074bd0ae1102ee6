import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { buildModel } from '@neuroprune/models';
import type { Model, Tensor } from '@neuroprune/onnx';
import { type CheckpointOptions, checkpointSteps, inferenceGraph, type TrainResult } from '@neuroprune/prune';
import type { Inputs } from './inputs.js';
import { type DenseScore, readDenseScore, writeDenseScore } from './resume.js';
import { BASELINE, CHECKPOINTS } from './run-folder.js';
import { saveFolder } from './save.js';
import { tellScore } from './score.js';
import { sessionOf } from './session.js';
import type { Run } from './stage.js';
import { trainModel } from './train-model.js';
import type { SplitScore } from './workload.js';

/** Parameters by name. */
export type Parameters = Map<string, Tensor<'float32'>>;

/** What came out of a training. */
export type Trained = Omit<TrainResult, 'tensors'> & { readonly tensors: Parameters };

/** How a run is kept in its folder, and whether it goes on with what is there. */
export interface Keeping extends Pick<CheckpointOptions, 'every' | 'keep'> {
  readonly folder: string;
  readonly resume: boolean;
}

/** What both trainings come to. */
export interface TrainedBoth {
  readonly trained: Trained;
  readonly dense: Pick<DenseScore, 'metrics' | 'written'> | undefined;
}

/** The dense training where one is asked for, then the sparse one; what is done already is not done again. */
export async function trainBoth(inputs: Inputs, keeping: Keeping, run: Run): Promise<TrainedBoth> {
  const { folder, resume } = keeping;
  const asked = inputs.recipe.baseline !== undefined;
  const scored = resume && asked ? await readDenseScore(folder) : undefined;
  if (!resume) run.log.open(folder);
  const dense = asked && !scored ? await trainBaseline(inputs, keeping, run) : scored;
  // What follows a dense training of this very call has nothing to go on from.
  const from = asked && !scored ? undefined : (scored?.log ?? 0);
  return { trained: await trainSparse(inputs, keeping, from, run), dense };
}

/** `from`: bytes of the log before this training, where the run goes on with it. */
function checkpointOptions(dir: string, keeping: Keeping, from: number | undefined, { log }: Run): CheckpointOptions {
  const { folder, every, keep, resume } = keeping;
  return {
    dir,
    ...(every ? { every } : {}),
    ...(keep === undefined ? {} : { keep }),
    resume: resume && from !== undefined,
    note: () => ({ log: log.bytes }),
    onStart: (step, note) => {
      if (!resume || from === undefined) return;
      log.resume(folder, step > 0 ? (note as { log: number }).log : from);
    },
  };
}

async function trainSparse(inputs: Inputs, keeping: Keeping, from: number | undefined, run: Run): Promise<Trained> {
  const { prepared, recipe } = inputs;
  const dir = path.join(keeping.folder, CHECKPOINTS);
  const begun = keeping.resume && (await checkpointSteps(dir)).length > 0;
  const options = checkpointOptions(dir, keeping, from, run);
  const checkpoint = { ...options, resume: begun && options.resume === true };
  const work = () => trainModel(prepared, recipe, recipe.method, run.context, { checkpoint });
  return withFloats(await run.stage(`train ${recipe.method.name}`, work));
}

/** Scores of the dense model after the same steps from the same start. */
async function trainBaseline(inputs: Inputs, keeping: Keeping, run: Run): Promise<DenseScore> {
  const { prepared, recipe } = inputs;
  const dir = path.join(keeping.folder, BASELINE, CHECKPOINTS);
  const watch = { checkpoint: checkpointOptions(dir, keeping, 0, run), run: 'baseline' } as const;
  const { tensors, steps } = withFloats(
    await run.stage('train dense', () => trainModel(prepared, recipe, { name: 'dense' }, run.context, watch)),
  );
  const session = sessionOf(recipe);
  const scored = await run.stage('evaluate dense', () =>
    prepared.work.score(denseModel(inputs, tensors), 'validation', run.context, session),
  );
  tellScore(inputs, scored, { step: steps, run: 'baseline' }, run);
  const written = await writtenDensely(inputs, tensors, steps, run);
  const kept = { metrics: scored.metrics, ...(written && { written }), log: run.log.bytes };
  await writeDenseScore(keeping.folder, kept);
  await rm(dir, { recursive: true, force: true });
  return kept;
}

/** What the dense model writes, scored from files as the published ones are; undefined where it writes nothing. */
async function writtenDensely(
  inputs: Inputs,
  tensors: Parameters,
  step: number,
  run: Run,
): Promise<SplitScore['metrics'] | undefined> {
  const { prepared, recipe, model: source } = inputs;
  const { loaded, work } = prepared;
  const { write } = work;
  if (!write) return undefined;
  const scratch = await mkdtemp(path.join(os.tmpdir(), 'neuroprune-dense-'));
  try {
    const structure = loaded.architecture.structure(loaded.config);
    const graphs = work.graphs({ model: denseModel(inputs, tensors), tensors, structure });
    await saveFolder(scratch, { loaded, tensors, graphs, source });
    const session = sessionOf(recipe);
    const scored = await run.stage('write dense', () => write(scratch, run.context, session));
    tellScore(inputs, scored, { step, run: 'baseline' }, run);
    return scored.metrics;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function withFloats(result: TrainResult): Trained {
  const tensors = [...result.tensors].map(([name, tensor]): [string, Tensor<'float32'>] => {
    if (tensor.dtype === 'float32') return [name, tensor as Tensor<'float32'>];
    throw new Error(`internal: ${name}: expected float32 from training, got ${tensor.dtype}`);
  });
  return { ...result, tensors: new Map(tensors) };
}

/** The inference graph of trained parameters in their dense shapes. */
export const denseModel = ({ prepared: { loaded } }: Inputs, tensors: Parameters): Model =>
  inferenceGraph(
    buildModel({ config: loaded.config, tensors, task: loaded.task, labels: loaded.head.numLabels }).model,
  );
