import { outputCount, type RowStats, rowLengths, type Task } from '@neuroprune/evaluate';
import { prunableWeights } from '@neuroprune/models';
import { sizeOf } from '@neuroprune/onnx';
import type { FetchedModel } from './fetch-model.js';
import { tokenizerFiles } from './fetch-model.js';
import type { Prepared } from './prepare.js';
import type { Recipe } from './recipe.js';
import { ONNX } from './save.js';
import { stepsOf } from './train-model.js';

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
  readonly files: readonly PlannedFile[];
  readonly to?: string;
}

/** Says what a run would do. */
export function planOf(task: Task, recipe: Recipe, model: FetchedModel, prepared: Prepared, to?: string): Plan {
  const { loaded, train, validation } = prepared;
  const size = (name: string): number => sizeOf(loaded.tensors.get(name)?.dims ?? [0]);
  const blocks = loaded.prunable.map((group) => ({
    layer: group.layer,
    heads: group.heads.count,
    hiddenUnits: group.neurons.count,
    weights: sum(prunableWeights(group).map(size)),
  }));
  const weights = sum(blocks.map((block) => block.weights));
  const parameters = sum([...loaded.tensors.keys()].map(size));
  const sparsity = 'sparsity' in recipe.method ? (recipe.method.sparsity ?? 0) : 0;
  return {
    model: model.id,
    commit: model.commit,
    recipe,
    rows: { train: train.rows.length, validation: validation.rows.length },
    data: Object.fromEntries(Object.values(prepared.splits).map(({ name, stats }) => [name, stats])),
    labels: task.labels,
    steps: stepsOf(prepared, recipe),
    parameters,
    blocks,
    prunable: { weights, zeros: Math.round(sparsity * weights), heads: sum(blocks.map((block) => block.heads)) },
    memory: memoryOf(prepared, recipe, parameters, outputCount(task)),
    files: filesOf(model, parameters),
    ...(to === undefined ? {} : { to }),
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Copies of the parameters in training: weights and two moments, in and out of a step, what a checkpoint is written
 * from, and the gradient. */
const STATE_COPIES = 10;
/** Float32 activations a token keeps for the backward pass, in units of the hidden width and of the hidden units. */
const KEPT = { width: 16, units: 4, scores: 4 } as const;

/** State and activations of a step; the longest row stands for the longest batch. */
function memoryOf({ loaded, train }: Prepared, { batchSize }: Recipe, parameters: number, labels: number): number {
  const length = rowLengths(train).reduce((longest, tokens) => Math.max(longest, tokens), 0);
  const layers = loaded.prunable.map(({ heads, neurons }) => {
    const width = heads.count * heads.size;
    return KEPT.width * width + KEPT.units * neurons.count + KEPT.scores * heads.count * length;
  });
  return 4 * (STATE_COPIES * parameters + batchSize * (length * sum(layers) + labels));
}

function filesOf({ files }: FetchedModel, parameters: number): PlannedFile[] {
  const kept = files.filter(({ path }) => (tokenizerFiles as readonly string[]).includes(path));
  return [
    { path: 'README.md', bytes: null },
    { path: 'config.json', bytes: files.find(({ path }) => path === 'config.json')?.bytes ?? null },
    { path: 'model.safetensors', bytes: 4 * parameters },
    { path: 'neuroprune.json', bytes: null },
    { path: ONNX, bytes: 4 * parameters, atMost: true },
    ...kept.map(({ path, bytes }) => ({ path, bytes })),
  ];
}
