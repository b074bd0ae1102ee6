import {
  type FoundTextTask,
  holdOut,
  pairsOf,
  someTexts,
  type TokenFile,
  type WritingRows,
  windowsOf,
} from '@neuroprune/evaluate';
import type { HubOptions } from '@neuroprune/hub';
import { type LoadedModel, loadModel } from '@neuroprune/models';
import type { RunContext } from '../context.js';
import { NeuropruneError } from '../error.js';
import type { FetchedRows } from './fetch-rows.js';
import { checkWrites } from './imported.js';
import { checkHeads, type Prepared, type PrepareRequest, positionsOf, type Split } from './prepare.js';
import type { Recipe } from './recipe.js';
import { loadTextTeacher } from './teacher.js';
import type { TextData } from './text-data.js';
import { textWorkload } from './text-workload.js';
import { tokenizeTexts } from './token-rows.js';

/** What a run on texts is prepared from. */
export type PrepareTextsRequest = Omit<PrepareRequest, 'data'> & { readonly data: TextData };

/** The rows of a split, and what is known of them. */
interface Part {
  readonly rows: WritingRows;
  readonly split: Split;
}

/** What models write that learn a task, by its kind. */
const needs = {
  generation: { task: 'seq2seq-lm', what: 'a model that reads one text and writes another' },
  likelihood: { task: 'causal-lm', what: 'a model that goes on with a text' },
} as const satisfies Record<FoundTextTask['kind'], object>;

/** Loads a model that writes and tokenizes both splits, or holds rows out. Throws an input error where model and task do not fit. */
export async function prepareTexts(
  { data, recipe, model, teacher: taught, cache }: PrepareTextsRequest,
  hub: HubOptions,
  context: RunContext,
): Promise<Prepared> {
  const { task } = data;
  const loaded = await loadModel(model.place, { seed: recipe.seed });
  const need = needs[task.kind];
  if (loaded.task !== need.task)
    throw new NeuropruneError('input', `${task.name}: expected ${need.what}, got one for ${loaded.task} (${model.id})`);
  checkWrites(loaded, model.id);
  checkHeads(recipe, loaded);
  checkClasses(recipe);
  const { distill } = recipe;
  const teacher = distill && taught && (await loadTextTeacher(taught, { model, loaded, distill }));
  const maxLength = Math.min(
    recipe.maxLength,
    positionsOf(loaded),
    teacher ? positionsOf(teacher) : Number.POSITIVE_INFINITY,
  );
  const choice = { task, folder: model.folder, maxLength, texts: recipe.texts, cache };
  const startId = task.kind === 'generation' ? startOf(loaded) : undefined;
  const opened: TokenFile[] = [];
  const partOf = async (source: FetchedRows): Promise<Part> => {
    const file = await tokenizeTexts(source, choice, hub, context);
    opened.push(file);
    const rows = startId === undefined ? windowsOf(file, maxLength) : pairsOf(file, startId);
    return { rows, split: { name: source.split, source, stats: { ...file.stats, rows: rows.rows.length } } };
  };
  const whole = await partOf(data.train);
  const [train, validation] = data.validation
    ? [whole, await partOf(data.validation)]
    : divided(whole, recipe.seed, 'held out');
  const { kept, watched } = withWatched({ train, validation }, recipe);
  const splits = {
    train: kept.split,
    validation: validation.split,
    ...(watched && watched !== validation && { watched: watched.split }),
  };
  const rows = { train: kept.rows, validation: validation.rows, watched };
  return {
    task,
    loaded,
    ...(teacher && { teacher }),
    maxLength,
    splits,
    work: textWorkload({ task, loaded, maxLength, splits, ...rows, around: recipe.texts, writeRows: recipe.writeRows }),
    [Symbol.dispose]: () => {
      for (const file of opened) file.close();
    },
  };
}

/** The rows that stay for training, and those held out of them. */
function divided({ rows, split }: Part, seed: number, what: string): [train: Part, held: Part] {
  const { train, validation } = holdOut(rows.rows.length, seed);
  const part = (name: string, positions: Int32Array): Part => ({
    rows: someTexts(rows, positions),
    split: {
      ...split,
      name,
      stats: { ...split.stats, rows: positions.length },
      positions: positions.map((position) => split.positions?.[position] ?? position),
    },
  });
  return [part(split.name, train), part(`${split.name}, ${what}`, validation)];
}

function withWatched(
  { train, validation }: { readonly train: Part; readonly validation: Part },
  { watch, seed }: Recipe,
): { readonly kept: Part; readonly watched?: Part } {
  if (!watch) return { kept: train };
  if (watch.on === 'validation') return { kept: train, watched: validation };
  const [kept, watched] = divided(train, seed, 'held out for scores in training');
  return { kept, watched };
}

/** Refuses what says something of classes. */
function checkClasses({ classWeights, packing }: Recipe): void {
  const refuse = (option: string): never => {
    throw new NeuropruneError('input', `--${option}: acts only on tasks of classes and scores, got one of texts`);
  };
  if (classWeights !== undefined) refuse('class-weights');
  if (packing) refuse('packing');
}

/** The token that a model writes its first one after. */
function startOf({ config }: LoadedModel): number {
  const { decoder_start_token_id: start } = config as { decoder_start_token_id?: unknown };
  if (typeof start === 'number') return start;
  throw new NeuropruneError(
    'input',
    `config.json: expected decoder_start_token_id, the token before a text, got ${start}`,
  );
}
