import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type Compacted, compact, prove } from '@neuroprune/prune';
import type { RunResult } from '@neuroprune/report';
import { NeuropruneError } from '../error.js';
import { writeModelCard } from './card.js';
import type { WrittenGraph } from './graphs.js';
import type { Inputs } from './inputs.js';
import { measureLatency } from './latency.js';
import { methodTitle } from './method.js';
import { onnxBytes, writeOnnx } from './onnx-file.js';
import { recipeFileOf } from './recipe-file.js';
import { recordOf } from './record.js';
import { writeReport } from './report.js';
import { inRunFolder, RECIPE, RESULT } from './run-folder.js';
import { saveFolder } from './save.js';
import { tellScore } from './score.js';
import { sessionOf } from './session.js';
import type { Run } from './stage.js';
import { type Shape, shapeOf } from './structure.js';
import {
  denseModel,
  type Keeping,
  type Parameters,
  type Trained,
  type TrainedBoth,
  trainBoth,
} from './train-stages.js';
import type { SplitScore } from './workload.js';
import { writeJson } from './write-file.js';

/** How a run is kept, and whether it goes on where it was stopped. */
export type PruneRunOptions = Omit<Keeping, 'folder'>;

/** Trains, compacts, proves, measures and reports into a run folder; `run.json` says that all but the report is done. */
export function pruneRun(inputs: Inputs, out: string, run: Run, options: PruneRunOptions): Promise<RunResult> {
  const { resume } = options;
  const work = async (folder: string) => {
    await writeJson(path.join(folder, RECIPE), recipeFileOf(inputs));
    const { trained, dense } = await trainBoth(inputs, { ...options, folder }, run);
    for (const name of ['model', 'predictions']) await rm(path.join(folder, name), { recursive: true, force: true });
    const shape = shapeOf(inputs.prepared.loaded.prunable, trained.tensors, trained.removals);
    const compacted = await cutOut(inputs, trained.tensors, folder, run);
    const proof = await proveFolder(inputs, folder, run);
    const scored = await evaluateFiles(inputs, folder, trained.steps, run);
    const written = await scoreTexts(inputs, folder, trained.steps, run);
    const variants = await scoreVariants(inputs, compacted.written, folder, run);
    const speed = await measure(inputs, trained.tensors, compacted, folder, run);
    const result = resultOf(inputs, { trained, shape, compacted, proof, scored, written, variants, dense, speed });
    await writeJson(
      path.join(folder, 'model/neuroprune.json'),
      recordOf(recipeFileOf(inputs), shape.masksHash, result),
    );
    await writeJson(path.join(folder, RESULT), result);
    await reportRun(folder, run);
    return result;
  };
  return inRunFolder(out, work, { resume });
}

/** Writes card and report of a run that has its result. */
export function reportRun(folder: string, run: Run): Promise<void> {
  return run.stage('report', async () => {
    await writeModelCard(folder);
    await writeReport(folder);
  });
}

/** Cuts the dead structure out and writes what is published, the card apart. */
function cutOut({ prepared: { loaded, work }, model, recipe }: Inputs, tensors: Parameters, folder: string, run: Run) {
  return run.stage('compact', async () => {
    const { config, head, prunable, task } = loaded;
    const compacted = await compact({ config, head, prunable, task, tensors });
    const graphs = work.graphs(compacted);
    const request = { loaded, tensors, graphs, dtypes: recipe.dtype, source: model };
    const written = await saveFolder(path.join(folder, 'model'), request);
    return { ...compacted, files: [...graphs.keys()], written };
  });
}

/** Compares the two published files over all validation rows. */
async function proveFolder({ prepared, recipe }: Inputs, folder: string, run: Run): Promise<RunResult['proof']> {
  const batches = prepared.work.proofBatches(recipe.batchSize);
  const request = { folder: path.join(folder, 'model'), batches, threads: recipe.threads, signal: run.context.signal };
  const { examples, maxAbsDifference, ok } = await run.stage('prove', () => prove(request));
  if (ok) return { examples, maxAbsDifference };
  throw new NeuropruneError(
    'job',
    `proof: expected equal logits from model.safetensors and the ONNX files, got a difference of ${maxAbsDifference} over ${examples} rows`,
  );
}

/** Scores the small ONNX files on the validation split, and keeps predictions and a sample. */
async function evaluateFiles(inputs: Inputs, folder: string, step: number, run: Run): Promise<SplitScore> {
  const { prepared, recipe } = inputs;
  const session = sessionOf(recipe);
  const scored = await run.stage('evaluate', () => prepared.work.evaluate(folder, run.context, session));
  tellScore(inputs, scored, { step }, run);
  return scored;
}

/** Lets the published files write, where the task is to write, and scores their texts. */
async function scoreTexts(inputs: Inputs, folder: string, step: number, run: Run): Promise<SplitScore | undefined> {
  const { write } = inputs.prepared.work;
  if (!write) return undefined;
  const work = () => write(path.join(folder, 'model'), run.context, sessionOf(inputs.recipe), folder);
  const scored = await run.stage('write', work);
  tellScore(inputs, scored, { step }, run);
  return scored;
}

/** Scores the files of each further precision on the same rows. */
async function scoreVariants(
  { prepared, recipe, task }: Inputs,
  written: readonly WrittenGraph[],
  folder: string,
  run: Run,
): Promise<Variants> {
  const session = sessionOf(recipe);
  const variants: Variants = [];
  for (const dtype of recipe.dtype ?? []) {
    const files = written.filter((file) => file.dtype === dtype);
    const work = () => prepared.work.scoreVariant(folder, dtype, run.context, session);
    const { split, examples, metrics } = await run.stage('evaluate', work, dtype);
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    variants.push({ dtype, files: files.map(({ file }) => file), bytes, task: task.name, split, examples, metrics });
  }
  return variants;
}

type Variants = NonNullable<RunResult['variants']>;

type Speed = Pick<RunResult, 'bytes' | 'latency'>;

/** Bytes of the small ONNX files and latency of the small graph beside the same model uncut. */
async function measure(
  inputs: Inputs,
  tensors: Parameters,
  compacted: Compacted & { readonly files: readonly string[] },
  folder: string,
  run: Run,
): Promise<Speed> {
  const { prepared, recipe } = inputs;
  const { work, loaded } = prepared;
  const scratch = await mkdtemp(path.join(os.tmpdir(), 'neuroprune-dense-'));
  try {
    const files = { dense: path.join(scratch, 'dense.onnx'), compact: path.join(scratch, 'compact.onnx') };
    const model = denseModel(inputs, tensors);
    await writeOnnx(model, files.dense);
    await writeOnnx(compacted.model, files.compact);
    const latency = await run.stage('latency', () =>
      measureLatency(files, work.timed(), { threads: recipe.threads }, run.context.signal),
    );
    const structure = loaded.architecture.structure(loaded.config);
    const uncut = work.graphs({ model, tensors, structure });
    for (const [file, graph] of uncut) await writeOnnx(graph, path.join(scratch, file));
    const bytes = {
      dense: await bytesOf(scratch, compacted.files),
      compact: await bytesOf(path.join(folder, 'model'), compacted.files),
    };
    return { latency, bytes };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

const bytesOf = async (folder: string, files: readonly string[]): Promise<number> =>
  (await Promise.all(files.map((file) => onnxBytes(path.join(folder, file))))).reduce((a, b) => a + b, 0);

interface Outcome {
  readonly trained: Trained;
  readonly shape: Shape;
  readonly compacted: Compacted;
  readonly proof: RunResult['proof'];
  readonly scored: SplitScore;
  readonly written: SplitScore | undefined;
  readonly variants: Variants;
  readonly dense: TrainedBoth['dense'];
  readonly speed: Speed;
}

function resultOf({ model, task, recipe }: Inputs, outcome: Outcome): RunResult {
  const { trained, shape, compacted, proof, scored, written, variants, dense, speed } = outcome;
  const { method } = recipe;
  const heads = 'heads' in method ? method.heads : undefined;
  return {
    model: model.id,
    task: task.name,
    method: methodTitle(method),
    device: recipe.device,
    sparsity: { requested: ('sparsity' in method && method.sparsity) || 0, reached: shape.sparsity },
    heads: { ...shape.heads, ...(heads === undefined ? {} : { requested: heads }) },
    parameters: compacted.parameters,
    ...speed,
    // The rows are the method's own; the schema's arrays are mutable ones.
    structure: structuredClone(shape.layers) as RunResult['structure'],
    evaluation: [
      evaluated(task, scored, dense?.metrics),
      ...(written ? [evaluated(task, written, dense?.written)] : []),
    ],
    ...(variants.length > 0 && { variants }),
    proof,
    training: {
      steps: trained.steps,
      seconds: trained.seconds,
      stepMs: trained.stepMs,
      tokens: trained.computedTokens,
      paddedTokens: trained.paddedTokens,
      ...(trained.best && {
        best: { ...trained.best, metric: scoredBy(task), kept: recipe.watch?.keepBest ?? false },
      }),
      ...(trained.stoppedEarly && { stoppedEarly: true }),
    },
  };
}

const evaluated = (
  { name: task }: Inputs['task'],
  { split, examples, metrics, signatures }: SplitScore,
  dense: Readonly<Record<string, number>> | undefined,
): RunResult['evaluation'][number] => ({ task, split, examples, metrics, signatures, ...(dense && { dense }) });

/** What weights are scored by in training: the task's metric, or how little is lost of texts. */
const scoredBy = (task: Inputs['task']): string => ('layout' in task ? 'negative loss' : task.mainMetric);
