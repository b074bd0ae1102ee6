import {
  type EncodedRows,
  type FoundTextTask,
  holdOut,
  outputCount,
  type RowStats,
  statsOf,
  subset,
  type Task,
  type TokenFile,
} from '@neuroprune/evaluate';
import type { HubOptions } from '@neuroprune/hub';
import { type HeadRequest, type LoadedModel, loadModel } from '@neuroprune/models';
import { blocksOf } from '@neuroprune/prune';
import type { RunContext } from '../context.js';
import { NeuropruneError } from '../error.js';
import { classWorkload } from './class-workload.js';
import type { ClassData } from './data.js';
import type { FetchedModel } from './fetch-model.js';
import type { FetchedRows } from './fetch-rows.js';
import { checkImported } from './imported.js';
import type { Recipe } from './recipe.js';
import { loadTeacher } from './teacher.js';
import { tokenize } from './token-rows.js';
import type { Workload } from './workload.js';

/** A split that is trained or scored on. */
export interface Split {
  /** Its name in results. */
  readonly name: string;
  readonly source: FetchedRows;
  readonly stats: RowStats;
  /** Positions of its rows in the source, where they are not all of it. */
  readonly positions?: Int32Array;
}

/** A task that a model is trained on. */
export type TrainedTask = Task | FoundTextTask;

/** A model and a task's rows, ready for training. */
export interface Prepared extends Disposable {
  readonly task: TrainedTask;
  readonly loaded: LoadedModel;
  /** Whom it learns from beside the labels. */
  readonly teacher?: LoadedModel;
  /** What is done with the rows, which depends on their kind. */
  readonly work: Workload;
  /** `watched` are rows by which weights are scored in training. */
  readonly splits: { readonly train: Split; readonly validation: Split; readonly watched?: Split };
  /** Longest row in tokens that is asked for and that the model takes. */
  readonly maxLength: number;
}

/** Rows with classes or scores. */
interface Rows {
  readonly train: EncodedRows;
  readonly validation: EncodedRows;
  readonly splits: Prepared['splits'];
  readonly watched?: { readonly rows: EncodedRows; readonly split: Split };
}

/** The head that a task trains. */
export const headFor = ({ labels }: Task): HeadRequest =>
  labels === 'score'
    ? { numLabels: 1, problemType: 'regression', id2label: ['score'] }
    : { numLabels: labels.length, problemType: 'single_label_classification', id2label: labels };

/** What a run is prepared from. */
export interface PrepareRequest {
  readonly data: ClassData;
  readonly recipe: Recipe;
  readonly model: FetchedModel;
  readonly teacher?: FetchedModel | undefined;
  readonly cache: boolean;
}

/**
 * Loads the model with the task's head and tokenizes both splits, or holds rows out for the second. Throws an input error
 * for more heads than there are.
 */
export async function prepare(
  { data, recipe, model, teacher: taught, cache }: PrepareRequest,
  hub: HubOptions,
  context: RunContext,
): Promise<Prepared> {
  const { task } = data;
  const loaded = await loadModel(model.place, { head: headFor(task), seed: recipe.seed });
  if (loaded.head.numLabels !== outputCount(task)) throw new Error('internal: head and task differ');
  checkImported(loaded, model.id, recipe.method.name !== 'dense');
  checkHeads(recipe, loaded);
  checkLabels(recipe, task);
  const { distill } = recipe;
  const pupil = { task, head: headFor(task), model, loaded };
  const teacher = distill && taught && (await loadTeacher(taught, { ...pupil, distill }));
  const maxLength = Math.min(
    recipe.maxLength,
    positionsOf(loaded),
    teacher ? positionsOf(teacher) : Number.POSITIVE_INFINITY,
  );
  const choice = { task, folder: model.folder, maxLength, cache };
  const tokens = (rows: FetchedRows) => tokenize(rows, choice, hub, context);
  const train = await tokens(data.train);
  const validation = data.validation && (await tokens(data.validation));
  const close = (): void => {
    train.close();
    validation?.close();
  };
  const rows =
    validation && data.validation
      ? {
          train,
          validation,
          splits: { train: whole(data.train, train), validation: whole(data.validation, validation) },
        }
      : divided(data, train, recipe.seed);
  const kept = withWatched(task, rows, recipe);
  const work = classWorkload({ task, loaded, maxLength, ...kept });
  const { splits } = kept;
  return { task, loaded, ...(teacher && { teacher }), maxLength, splits, work, [Symbol.dispose]: close };
}

const whole = (source: FetchedRows, { stats }: TokenFile): Split => ({ name: source.split, source, stats });

/** Training rows and those held out of them. */
function divided({ task, train: source }: ClassData, set: TokenFile, seed: number) {
  const positions = holdOut(set.rows.length, seed);
  const train = subset(set, positions.train);
  const validation = subset(set, positions.validation);
  const classes = task.labels === 'score' ? undefined : outputCount(task);
  const split = (name: string, part: EncodedRows, at: Int32Array): Split => ({
    name,
    source,
    stats: statsOf(part.rows, classes),
    positions: at,
  });
  const splits = {
    train: split(source.split, train, positions.train),
    validation: split(`${source.split}, held out`, validation, positions.validation),
  };
  return { train, validation, splits };
}

/** Rows to score weights by in training: of the validation split, or held out of the training rows. */
function withWatched(task: Task, rows: Rows, { watch, seed }: Recipe): Rows {
  if (!watch) return rows;
  const { splits } = rows;
  if (watch.on === 'validation') return { ...rows, watched: { rows: rows.validation, split: splits.validation } };
  const { train, validation } = holdOut(rows.train.rows.length, seed);
  const classes = task.labels === 'score' ? undefined : outputCount(task);
  const part = (positions: Int32Array, name: string) => {
    const of = subset(rows.train, positions);
    const at = positions.map((position) => splits.train.positions?.[position] ?? position);
    return { rows: of, split: { ...splits.train, name, stats: statsOf(of.rows, classes), positions: at } };
  };
  const kept = part(train, splits.train.name);
  const held = part(validation, `${splits.train.name}, held out for scores in training`);
  return {
    ...rows,
    train: kept.rows,
    watched: held,
    splits: { ...splits, train: kept.split, watched: held.split },
  };
}

/** Refuses what says something of classes where there are none, or other ones. */
function checkLabels({ classWeights, labelSmoothing }: Recipe, { labels }: Task): void {
  const refuse = (option: string, rest: string): never => {
    throw new NeuropruneError('input', `--${option}: expected ${rest}`);
  };
  if (labels === 'score' && classWeights !== undefined) refuse('class-weights', 'classes, got a score');
  if (labels === 'score' && labelSmoothing !== undefined) refuse('label-smoothing', 'classes, got a score');
  if (!Array.isArray(classWeights) || classWeights.length === labels.length) return;
  const names = labels === 'score' ? '' : labels.slice(0, 12).join(', ');
  refuse('class-weights', `${labels.length} weights, one a class (${names}), got ${classWeights.length}`);
}

/** Refuses more heads than there are, or fewer than one for each attention. */
export function checkHeads({ method }: Recipe, { prunable }: LoadedModel): void {
  const asked = 'heads' in method ? method.heads : undefined;
  const blocks = blocksOf(prunable);
  const total = blocks.reduce((sum, { heads }) => sum + heads.count, 0);
  if (asked === undefined || (asked <= total && asked >= blocks.length)) return;
  const each = blocks.length === prunable.length ? 'layer' : 'attention';
  throw new NeuropruneError(
    'input',
    `--heads: expected ${blocks.length} to ${total}, one a${each === 'layer' ? '' : 'n'} ${each} at least, got ${asked}`,
  );
}

/** Positions the model has embeddings for. */
export function positionsOf({ config }: LoadedModel): number {
  const { max_position_embeddings: positions, n_positions: others } = config as Record<string, unknown>;
  const known = positions ?? (config.model_type === 't5' ? undefined : others); // T5's limits nothing
  return typeof known === 'number' ? known : Number.POSITIVE_INFINITY;
}
