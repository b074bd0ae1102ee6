import path from 'node:path';
import { tasks } from '@neuroprune/evaluate';
import { checkWriteAccess, type HubOptions } from '@neuroprune/hub';
import type { RunResult } from '@neuroprune/report';
import type { RunContext } from '../context.js';
import { runFolder } from '../schema/run-folder.js';
import { hubOf } from '../stages/hub-options.js';
import { inputsOf } from '../stages/inputs.js';
import { type Plan, planOf } from '../stages/plan.js';
import { pruneRun } from '../stages/prune-run.js';
import { type PublishRequest, publishRun } from '../stages/publish.js';
import { recipeOf, type TrainingOptions } from '../stages/recipe.js';
import { checkRunFolder } from '../stages/run-folder.js';
import { type Run, startRun } from '../stages/stage.js';
import { checkTargets } from '../stages/targets.js';

/** What a training verb did. */
export interface TrainOutcome extends RunResult {
  /** The run folder. */
  readonly run: string;
}

/** What a training verb would do. */
export interface TrainPlan extends Plan {
  readonly dryRun: true;
  readonly run: string;
}

/** All stages of the training verbs; everything that can be refused is refused before training. */
export async function trainVerb(
  options: TrainingOptions,
  context: RunContext,
  destination?: PublishRequest,
): Promise<TrainOutcome | TrainPlan> {
  const run = startRun(context);
  recipeOf(options, tasks[options.task]); // what it refuses need not wait for the network
  const hub = hubOf(context, options);
  const out = runFolder(options);
  const folder = path.resolve(context.cwd, out);
  await checkRunFolder(folder);
  if (destination) await checkAccess(destination, hub, run);
  const inputs = await inputsOf(options, hub, run);
  const { task, recipe, model, prepared } = inputs;
  if (options.dryRun) return { dryRun: true, run: out, ...planOf(task, recipe, model, prepared, destination?.to) };
  const result = await pruneRun(inputs, folder, run);
  checkTargets({ ...result, run: out } as TrainOutcome);
  return { ...(destination ? await publishRun(folder, destination, hub, run) : result), run: out };
}

function checkAccess({ to }: PublishRequest, options: HubOptions, { stage, context: { signal } }: Run): Promise<void> {
  return stage('check access', () => checkWriteAccess(to, { options, signal }), to);
}
