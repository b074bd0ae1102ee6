import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { RunResult } from '@neuroprune/report';
import { z } from 'zod';
import { NeuropruneError } from '../error.js';
import type { Inputs } from './inputs.js';
import { type RecipeFile, readRecipe, recipeFileOf } from './recipe-file.js';
import { readRun } from './report.js';
import { BASELINE, exists, isResumable, RECIPE, RESULT, SCORE } from './run-folder.js';
import { writeJson } from './write-file.js';

/** A run that was stopped, or is finished, as its folder tells. */
export interface Earlier {
  readonly recipe: RecipeFile;
  /** Whether there is a state to go on from. */
  readonly resumable: boolean;
  /** Where all but the push is done. */
  readonly result?: RunResult;
}

/** What a run folder holds to go on from; undefined, with a warning, where there is no run. */
export async function earlierRun(folder: string, warn: (message: string) => void): Promise<Earlier | undefined> {
  if (!(await exists(path.join(folder, RECIPE)))) {
    warn(`--resume: expected a run in ${folder}, found none; starting anew`);
    return undefined;
  }
  const recipe = await readRecipe(folder);
  if (await exists(path.join(folder, RESULT))) return { recipe, resumable: true, result: (await readRun(folder)).run };
  const resumable = await isResumable(folder);
  if (!resumable) warn(`--resume: expected a checkpoint in ${folder}, found none; starting anew`);
  return { recipe, resumable };
}

/**
 * A recipe apart from what may be asked anew: a run that broke goes on by skipping what broke it, or on another device, where
 * products may be in float32 or TF32.
 */
export function keptOf({ onNan: _, device: _device, precision, ...kept }: Inputs['recipe']) {
  return { ...kept, ...(precision !== undefined && precision !== 'tf32' && { precision }) };
}

/** Refuses to go on with a run that was asked something else. Throws an input error that names the first such field. */
export function checkSameRecipe(earlier: Earlier, recipe: Inputs['recipe'], folder: string): void {
  refuse('recipe', keptOf(earlier.recipe.recipe), keptOf(recipe), folder);
}

/** The same for model and data; versions that differ are told to `warn`, for they may change the last bits. */
export function checkSameInputs(
  earlier: Earlier,
  inputs: Inputs,
  folder: string,
  warn: (message: string) => void,
): void {
  const { versions, ...asked } = recipeFileOf(inputs);
  const { versions: before, ...wanted } = earlier.recipe;
  refuse('', { ...wanted, recipe: keptOf(wanted.recipe) }, { ...asked, recipe: keptOf(asked.recipe) }, folder);
  const other = firstDifference('versions', before, versions);
  if (other)
    warn(`--resume: ${other.field} is ${other.now}, the run began with ${other.before}; its last bits may differ`);
}

function refuse(field: string, before: unknown, now: unknown, folder: string): void {
  const other = firstDifference(field, before, JSON.parse(JSON.stringify(now)));
  if (!other) return;
  throw new NeuropruneError(
    'input',
    `--resume: expected ${other.field} as in ${path.join(folder, RECIPE)}, ${other.before}, got ${other.now}; ask for the same, or start anew without --resume`,
  );
}

interface Difference {
  readonly field: string;
  readonly before: string;
  readonly now: string;
}

/** The first place at which two JSON values differ. */
export function firstDifference(field: string, before: unknown, now: unknown): Difference | undefined {
  if (!isObject(before) || !isObject(now)) {
    const [one, two] = [JSON.stringify(before) ?? 'none', JSON.stringify(now) ?? 'none'];
    return one === two ? undefined : { field, before: one, now: two };
  }
  for (const key of new Set([...Object.keys(before), ...Object.keys(now)])) {
    const found = firstDifference(field === '' ? key : `${field}.${key}`, before[key], now[key]);
    if (found) return found;
  }
  return undefined;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** What is kept of the dense run beside a sparse one, once it is scored. */
export const DenseScore = z.object({
  metrics: z.record(z.string(), z.number()),
  /** Of the texts that it writes. */
  written: z.record(z.string(), z.number()).optional(),
  /** Bytes of the log until then. */
  log: z.int(),
});
export type DenseScore = z.output<typeof DenseScore>;

const scoreFile = (folder: string): string => path.join(folder, BASELINE, SCORE);

/** The dense score of a run folder; undefined where it is still to come. */
export async function readDenseScore(folder: string): Promise<DenseScore | undefined> {
  const text = await readFile(scoreFile(folder), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : DenseScore.parse(JSON.parse(text));
}

/** Keeps the dense score, so that a run that goes on need not train for it again. */
export const writeDenseScore = (folder: string, score: DenseScore): Promise<void> =>
  writeJson(scoreFile(folder), score);
