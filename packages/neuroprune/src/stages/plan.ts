import type { RowStats, Task } from '@neuroprune/evaluate';
import { DENSE_GRAPH, prunableWeights } from '@neuroprune/models';
import { sizeOf } from '@neuroprune/onnx';
import type { Dtype } from '../schema/dtype.js';
import { type FetchedModel, tokenizerFiles } from './fetch-model.js';
import type { Inputs } from './inputs.js';
import type { Memory } from './memory.js';
import type { Recipe } from './recipe.js';
import { ONNX } from './save.js';
import type { Timing } from './time-model.js';
import { stepsOf } from './train-model.js';
import { variantFile } from './variants.js';

/** A file that a run would publish. */
export interface PlannedFile {
  readonly path: string;
  /** Null for what only the run can tell. */
  readonly bytes: number | null;
  /** Whether that is the most it can be. */
  readonly atMost?: boolean;
}

/** What a run would do, found without training. */
export interface Plan {
  readonly model: string;
  readonly commit: string | null;
  readonly recipe: Recipe;
  readonly rows: { readonly train: number; readonly validation: number };
  /** What is in each split, by its name, and the names of the classes. */
  readonly data: Readonly<Record<string, RowStats>>;
  readonly labels: Task['labels'];
  readonly steps: number;
  readonly parameters: number;
  /** Blocks that may be cut, a layer each. */
  readonly blocks: readonly {
    readonly layer: string;
    readonly heads: number;
    readonly hiddenUnits: number;
    readonly weights: number;
  }[];
  readonly prunable: { readonly weights: number; readonly zeros: number; readonly heads: number };
  /** Bytes the training takes at its longest batch, roughly. */
  readonly memory: number;
  /** Bytes that there are for it. */
  readonly memoryAvailable: number;
  /** What steps took that were tried; absent where there is no room for them. */
  readonly timing?: Timing;
  /** What is published. */
  readonly files: readonly PlannedFile[];
  /** What else is written into the run folder. */
  readonly runFiles: readonly PlannedFile[];
  readonly to?: string;
}

/** What a plan is made for, besides the inputs of the run. */
export interface PlanRequest {
  readonly memory: Memory;
  readonly timing?: Timing | undefined;
  readonly keepCheckpoints: number;
  readonly tensorboard: boolean;
  /** Where the model would be pushed. */
  readonly to?: string | undefined;
}

/** Says what a run would do. */
export function planOf({ task, recipe, model, prepared }: Inputs, asked: PlanRequest): Plan {
  const { loaded, work } = prepared;
  const { to, timing } = asked;
  const { estimate: memory, available: memoryAvailable } = asked.memory;
  const size = (name: string): number => sizeOf(loaded.tensors.get(name)?.dims ?? [0]);
  const blocks = loaded.prunable.map((group) => ({
    layer: group.layer,
    heads: group.heads.count + (group.crossHeads?.count ?? 0),
    hiddenUnits: group.neurons.count,
    weights: sum(prunableWeights(group).map(size)),
  }));
  const weights = sum(blocks.map((block) => block.weights));
  const parameters = sum([...loaded.tensors.keys()].map(size));
  const predicts = !('layout' in task) || work.write !== undefined;
  const sparsity = 'sparsity' in recipe.method ? (recipe.method.sparsity ?? 0) : 0;
  return {
    model: model.id,
    commit: model.commit,
    recipe,
    rows: work.rows,
    data: Object.fromEntries(Object.values(prepared.splits).map(({ name, stats }) => [name, stats])),
    labels: 'labels' in task ? task.labels : [],
    steps: stepsOf(prepared, recipe),
    parameters,
    blocks,
    prunable: { weights, zeros: Math.round(sparsity * weights), heads: sum(blocks.map((block) => block.heads)) },
    memory,
    memoryAvailable,
    ...(timing && { timing }),
    files: filesOf(model, recipe, parameters),
    runFiles: runFilesOf(predicts ? [`predictions/${task.name}.ndjson`] : [], recipe, parameters, asked),
    ...(to === undefined ? {} : { to }),
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Bytes of a parameter, at most: those of matrices are fewer in the last three, a table may be there twice in `q4`. */
const widths = { fp32: 4, fp16: 2, q8: 4, q4: 5, q4f16: 3 } as const satisfies Record<Dtype, number>;

function filesOf({ files, place }: FetchedModel, { dtype = [] }: Recipe, parameters: number): PlannedFile[] {
  const kept = files.filter(({ path }) => (tokenizerFiles as readonly string[]).includes(path));
  return [
    { path: 'README.md', bytes: null },
    { path: 'config.json', bytes: files.find(({ path }) => path === 'config.json')?.bytes ?? null },
    { path: 'model.safetensors', bytes: 4 * parameters },
    ...(place.endsWith('.onnx') ? [{ path: DENSE_GRAPH, bytes: null }] : []),
    { path: 'neuroprune.json', bytes: null },
    ...(['fp32', ...dtype] as const).map((name) => ({
      path: variantFile(ONNX, name),
      bytes: widths[name] * parameters,
      atMost: true,
    })),
    ...kept.map(({ path, bytes }) => ({ path, bytes })),
  ];
}

/** Weights and two moments. */
const STATE_SLOTS = 3;

function runFilesOf(
  predictions: readonly string[],
  { baseline }: Recipe,
  parameters: number,
  { keepCheckpoints, tensorboard }: PlanRequest,
): PlannedFile[] {
  const checkpoints = { bytes: keepCheckpoints * STATE_SLOTS * 4 * parameters };
  return [
    { path: 'recipe.json', bytes: null },
    { path: 'events.ndjson', bytes: null },
    { path: 'checkpoints/', ...checkpoints },
    ...(baseline === undefined ? [] : [{ path: 'baseline/', ...checkpoints, atMost: true }]),
    { path: 'run.json', bytes: null },
    ...predictions.map((path) => ({ path, bytes: null })),
    { path: 'sample.json', bytes: null },
    { path: 'report/', bytes: null },
    ...(tensorboard ? [{ path: 'tensorboard/', bytes: null }] : []),
  ];
}
