import { cp, rm } from 'node:fs/promises';
import path from 'node:path';
import { spread } from '@neuroprune/evaluate';
import type { RunResult } from '@neuroprune/report';
import { EVENTS } from './event-log.js';
import type { Recipe } from './recipe.js';
import { readRecipe, taskOf } from './recipe-file.js';
import { exists, RECIPE, RESULT } from './run-folder.js';
import { writeJson } from './write-file.js';

/** A finished run of one seed. */
export interface SeedRun {
  readonly seed: number;
  readonly result: RunResult;
}

type Metrics = RunResult['evaluation'][number]['metrics'];

/** Name of the folder of a seed in the run folder. */
export const seedFolder = (seed: number): string => `seed-${seed}`;

/** Mean, its standard error and the best of several seeds; `chosen` is the one whose files stand in the run folder. */
export function statisticsOf(
  runs: readonly SeedRun[],
  metric: string,
  publishBest: boolean,
  direction: 'higher' | 'lower' = 'higher',
): NonNullable<RunResult['seeds']> {
  const metricsOf = ({ result }: SeedRun): Metrics => Object.assign({}, ...result.evaluation.map((row) => row.metrics));
  const denseOf = ({ result }: SeedRun): Metrics => Object.assign({}, ...result.evaluation.map((row) => row.dense));
  const names = Object.keys(metricsOf(runs[0] as SeedRun));
  const over = (which: 'mean' | 'standardError') =>
    Object.fromEntries(
      names.map((name) => [name, spread(runs.map((run) => metricsOf(run)[name] ?? Number.NaN))[which]]),
    );
  const sign = direction === 'higher' ? 1 : -1;
  const score = (run: SeedRun) => sign * (metricsOf(run)[metric] ?? Number.NaN);
  const best = runs.reduce((a, b) => (score(b) > score(a) || Number.isNaN(score(a)) ? b : a)).seed;
  return {
    metric,
    runs: runs.map((run) => ({
      seed: run.seed,
      folder: seedFolder(run.seed),
      metrics: metricsOf(run),
      ...(run.result.evaluation[0]?.dense && { dense: denseOf(run) }),
    })),
    mean: over('mean'),
    standardError: over('standardError'),
    best,
    chosen: publishBest ? best : (runs[0] as SeedRun).seed,
  };
}

/** Says in a run folder that it is one of several seeds, so that it is known for one before any has ended. */
export const beginSeeds = (folder: string, recipe: Recipe, seeds: number): Promise<void> =>
  writeJson(path.join(folder, RECIPE), { recipe: { ...recipe, seeds } });

/** What a run folder's recipe asks for, where it is of several seeds or of one. */
export async function seedsAsked(folder: string): Promise<Recipe | undefined> {
  return (await exists(path.join(folder, RECIPE))) ? (await readRecipe(folder)).recipe : undefined;
}

/** By what seeds are compared: the task's metric, or the loss of texts. */
export async function comparedBy(folder: string): Promise<{ metric: string; direction: 'higher' | 'lower' }> {
  const task = taskOf(await readRecipe(folder));
  return 'layout' in task
    ? { metric: 'loss', direction: 'lower' }
    : { metric: task.mainMetric, direction: task.direction };
}

/** What a seed's folder has that its run folder has too. */
const shared = ['model', 'predictions', 'sample.json', EVENTS];

/** Makes a run folder that of the chosen seed, its result with what all seeds come to. */
export async function gatherSeeds(folder: string, runs: readonly SeedRun[], publishBest: boolean): Promise<RunResult> {
  const { metric, direction } = await comparedBy(path.join(folder, seedFolder((runs[0] as SeedRun).seed)));
  const seeds = statisticsOf(runs, metric, publishBest, direction);
  const from = path.join(folder, seedFolder(seeds.chosen));
  for (const name of shared) {
    await rm(path.join(folder, name), { recursive: true, force: true });
    // A model that writes nothing has no predictions.
    if (!(await exists(path.join(from, name)))) continue;
    await cp(path.join(from, name), path.join(folder, name), { recursive: true });
  }
  const recipe = await readRecipe(from);
  await writeJson(path.join(folder, RECIPE), { ...recipe, recipe: { ...recipe.recipe, seeds: runs.length } });
  const chosen = runs.find(({ seed }) => seed === seeds.chosen) as SeedRun;
  const result: RunResult = { ...chosen.result, seeds };
  await writeJson(path.join(folder, RESULT), result);
  return result;
}
