import path from 'node:path';
import { checkWriteAccess, type HubOptions } from '@neuroprune/hub';
import type { RunResult } from '@neuroprune/report';
import type { RunContext } from '../context.js';
import { runFolder } from '../schema/run-folder.js';
import { attemptOn, fitAccumulate } from '../stages/accumulate.js';
import { keptAs } from '../stages/checkpoints.js';
import { taskFacts } from '../stages/data.js';
import { hubOf } from '../stages/hub-options.js';
import { type Inputs, inputsOf } from '../stages/inputs.js';
import { type Memory, memoryOf, memoryWarning } from '../stages/memory.js';
import { type Plan, planOf } from '../stages/plan.js';
import { pruneRun, reportRun } from '../stages/prune-run.js';
import { type PublishRequest, publishRun } from '../stages/publish.js';
import { type ResolvedOptions, recipeOf, type TrainingOptions } from '../stages/recipe.js';
import { resolveOptions } from '../stages/resolve.js';
import { checkSameInputs, checkSameRecipe, type Earlier, earlierRun } from '../stages/resume.js';
import { checkRunFolder, isResumable } from '../stages/run-folder.js';
import { withRunLock } from '../stages/run-lock.js';
import { type Run, startRun } from '../stages/stage.js';
import { checkTargets } from '../stages/targets.js';
import { timeModel } from '../stages/time-model.js';
import { tensorBoard } from '../tensorboard/event-files.js';

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

/**
 * All stages of the training verbs; everything that can be refused is refused before training. With `resume` a run goes
 * on in its folder, in whichever stage it was stopped. Two processes never work in one folder.
 */
export async function trainVerb(
  options: TrainingOptions,
  context: RunContext,
  destination?: PublishRequest,
): Promise<TrainOutcome | TrainPlan> {
  const folder = path.resolve(context.cwd, runFolder(options));
  await checkRunFolder(folder);
  const work = () => lockedVerb(options, context, destination);
  return options.dryRun ? work() : withRunLock(folder, work);
}

async function lockedVerb(
  options: TrainingOptions,
  context: RunContext,
  destination: PublishRequest | undefined,
): Promise<TrainOutcome | TrainPlan> {
  const run = startRun(context);
  if (options.tensorboard) run.log.follow(tensorBoard());
  const out = runFolder(options);
  const folder = path.resolve(context.cwd, out);
  await checkRunFolder(folder);
  const warn = (message: string) => run.context.onEvent({ type: 'warning', message });
  const earlier = options.resume ? await earlierRun(folder, warn) : undefined;
  const stored = earlier && { ...earlier.recipe.recipe, isFinished: earlier.result !== undefined };
  const asked = await resolveOptions(options, stored, taskFacts(options), run.context);
  const recipe = recipeOf(asked, taskFacts(options)); // what it refuses need not wait for the network
  if (earlier) checkSameRecipe(earlier, recipe, folder);
  const hub = hubOf(context, options);
  if (destination) await checkAccess(destination, hub, run);
  const toFit = options.accumulate === 'auto' && !earlier;
  return trainAndPush({ options: asked, toFit, folder, out, hub, run, earlier, destination, warn });
}

interface Work {
  readonly options: ResolvedOptions;
  /** Whether the batches are to be divided as there is room. */
  readonly toFit: boolean;
  readonly folder: string;
  readonly out: string;
  readonly hub: HubOptions;
  readonly run: Run;
  readonly earlier: Earlier | undefined;
  readonly destination: PublishRequest | undefined;
  readonly warn: (message: string) => void;
}

async function trainAndPush(work: Work): Promise<TrainOutcome | TrainPlan> {
  const { options, folder, out, hub, run, earlier, destination, warn } = work;
  const found = await inputsOf(options, hub, run);
  using prepared = found.prepared;
  const fit = () => fitAccumulate(found.recipe, run.context, attemptOn(found, run.context));
  const inputs = work.toFit ? { ...found, recipe: await run.stage('fit', fit) } : found;
  const memory = memoryOf({ ...inputs, prepared });
  const short = memoryWarning(memory);
  if (short !== undefined && !earlier?.result) warn(short);
  if (options.dryRun) return { dryRun: true, run: out, ...(await planned(inputs, work, memory)) };
  if (earlier) checkSameInputs(earlier, inputs, folder, warn);
  try {
    const result = earlier?.result ? await finished(earlier.result, folder, run) : await trained(inputs, work);
    checkTargets({ ...result, run: out } as TrainOutcome);
    if (!destination || isPublished(result, destination)) return { ...result, run: out };
    return { ...(await publishRun(folder, destination, hub, run)), run: out };
  } catch (error) {
    if (await isResumable(folder)) run.context.onEvent({ type: 'resumable', run: out });
    throw error;
  }
}

/** The plan of a run, with the time of steps that are tried where there is room for them. */
async function planned(inputs: Inputs, { options, run, destination }: Work, memory: Memory): Promise<Plan> {
  const { keepCheckpoints, tensorboard } = options;
  const time = () => timeModel(inputs.prepared, inputs.recipe, run.context);
  const timing = memory.estimate > memory.available ? undefined : await run.stage('time', time);
  return planOf(inputs, { memory, timing, keepCheckpoints, tensorboard, to: destination?.to });
}

const trained = (inputs: Inputs, { options, folder, run, earlier }: Work): Promise<RunResult> =>
  pruneRun(inputs, folder, run, { resume: earlier?.resumable ?? false, ...keptAs(options) });

/** A run that has its result may have been stopped before its report was written. */
async function finished(result: RunResult, folder: string, run: Run): Promise<RunResult> {
  run.log.resume(folder);
  if (!run.log.has('report')) await reportRun(folder, run);
  return result;
}

const isPublished = ({ published, readBack }: RunResult, { to }: PublishRequest): boolean =>
  published?.repo === to && readBack !== undefined;

function checkAccess({ to }: PublishRequest, options: HubOptions, { stage, context: { signal } }: Run): Promise<void> {
  return stage('check access', () => checkWriteAccess(to, { options, signal }), to);
}
