import path from 'node:path';
import { checkWriteAccess } from '@neuroprune/hub';
import type { RunResult } from '@neuroprune/report';
import type { RunContext } from '../context.js';
import { NeuropruneError } from '../error.js';
import { runFolder } from '../schema/run-folder.js';
import { taskFacts } from '../stages/data.js';
import { hubOf } from '../stages/hub-options.js';
import { reportRun } from '../stages/prune-run.js';
import { type PublishRequest, publishRun } from '../stages/publish.js';
import { type Recipe, recipeOf, type TrainingOptions } from '../stages/recipe.js';
import { readRecipe } from '../stages/recipe-file.js';
import { readRun } from '../stages/report.js';
import { resolveOptions } from '../stages/resolve.js';
import { firstDifference, keptOf } from '../stages/resume.js';
import { checkRunFolder, exists, inRunFolder, RECIPE, RESULT } from '../stages/run-folder.js';
import { withRunLock } from '../stages/run-lock.js';
import { beginSeeds, gatherSeeds, type SeedRun, seedFolder, seedsAsked } from '../stages/seeds.js';
import { type Run, startRun } from '../stages/stage.js';
import { type TrainOutcome, type TrainPlan, trainVerb } from './train.js';

/** Options of a training with the choice of what is pushed. */
export type SeedsOptions = TrainingOptions & { readonly publishBest?: boolean };

/** A training verb over one seed, or over several one after another in folders of their own below the run folder. */
export function trainSeeds(
  options: SeedsOptions,
  context: RunContext,
  destination?: PublishRequest,
): Promise<TrainOutcome | TrainPlan> {
  if (options.seeds === 1 || options.dryRun) return trainVerb({ ...options, seeds: 1 }, context, destination);
  const out = runFolder(options);
  const folder = path.resolve(context.cwd, out);
  return withRunLock(folder, () => several({ options, folder, out, destination }, startRun(context)));
}

interface Work {
  readonly options: SeedsOptions;
  readonly folder: string;
  readonly out: string;
  readonly destination: PublishRequest | undefined;
}

/** Work whose device is settled, for all seeds. */
type Settled = Work & { readonly device: Recipe['device'] };

async function several(work: Work, run: Run): Promise<TrainOutcome> {
  const { options, folder, out, destination } = work;
  const { context, log } = run;
  await checkRunFolder(folder);
  const before = options.resume ? await seedsAsked(folder) : undefined;
  const stored = before && { ...before, isFinished: await exists(path.join(folder, RESULT)) };
  const resolved = await resolveOptions(options, stored, taskFacts(options), context);
  const recipe = recipeOf(resolved, taskFacts(options));
  const resume = before !== undefined && isBegun(folder, before, recipe, options.seeds);
  const hub = hubOf(context, options);
  if (destination)
    await run.stage(
      'check access',
      () => checkWriteAccess(destination.to, { options: hub, signal: context.signal }),
      destination.to,
    );
  const result = resume && (await exists(path.join(folder, RESULT))) ? (await readRun(folder)).run : undefined;
  const done =
    result ??
    (await inRunFolder(folder, () => allSeeds({ ...work, device: resolved.device }, recipe, run, resume), { resume }));
  const isPublished = done.published?.repo === destination?.to && done.readBack !== undefined;
  if (!destination || isPublished) return { ...done, run: out };
  log.resume(folder);
  return { ...(await publishRun(folder, destination, hub, run)), run: out };
}

/** That the run to go on with is of these seeds. Throws an input error where it is another. */
function isBegun(folder: string, before: Recipe, recipe: Recipe, seeds: number): true {
  const { threads: _, ...asked } = { ...keptOf(recipe), seeds };
  const { threads: _of, ...wanted } = keptOf(before);
  const other = firstDifference('recipe', wanted, JSON.parse(JSON.stringify(asked)));
  if (!other) return true;
  throw new NeuropruneError(
    'input',
    `--resume: expected ${other.field} as in ${path.join(folder, RECIPE)}, ${other.before}, got ${other.now}; ask for the same, or start anew without --resume`,
  );
}

async function allSeeds(
  { options, folder, out, device }: Settled,
  recipe: Recipe,
  run: Run,
  resume: boolean,
): Promise<RunResult> {
  await beginSeeds(folder, recipe, options.seeds); // a run that goes on may do so on another device
  const runs: SeedRun[] = [];
  for (let i = 0; i < options.seeds; i++) {
    const seed = options.seed + i;
    run.context.onEvent({ type: 'note', message: `seed ${seed}, run ${i + 1} of ${options.seeds}` });
    const asked = { ...options, device, ...(await batchesOfFirst(folder, options, i)) };
    runs.push({ seed, result: await oneSeed({ options: asked, folder, out }, seed, run.context, resume) });
  }
  const result = await gatherSeeds(folder, runs, options.publishBest ?? false);
  run.log.resume(folder);
  await reportRun(folder, run);
  return result;
}

/** Later seeds divide their steps as the first did. */
async function batchesOfFirst(folder: string, { accumulate, seed }: SeedsOptions, at: number) {
  if (accumulate !== 'auto' || at === 0) return {};
  const { recipe } = await readRecipe(path.join(folder, seedFolder(seed)));
  return { batchSize: recipe.batchSize, accumulate: recipe.accumulate ?? 1 };
}

async function oneSeed(
  { options, folder, out }: Pick<Work, 'options' | 'folder' | 'out'>,
  seed: number,
  context: RunContext,
  resume: boolean,
): Promise<RunResult> {
  const name = seedFolder(seed);
  const begun = resume && (await exists(path.join(folder, name, RECIPE)));
  const asked = { ...options, seeds: 1, seed, out: path.join(out, name), resume: begun };
  const { run: _, ...result } = (await trainVerb(asked, context)) as TrainOutcome;
  return result;
}
