import { performance } from 'node:perf_hooks';
import { type Checkpoint, tidyCheckpoints, type WritePoint, writeCheckpoint } from '../checkpoint/folder.js';
import { PruneError } from '../errors.js';
import type { Plan } from './plan.js';
import type { CheckpointEvent, CheckpointOptions } from './request.js';

/** How checkpoints are written where nothing else is asked for. */
export const checkpointDefaults = { every: { seconds: 300 }, keep: 2 } as const;

/** Part of the time between two after which the end of an epoch has a checkpoint too. */
const EPOCH_SHARE = 0.5;

function wholeFrom1(what: string, value: number): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw new PruneError(`checkpoints: expected a whole ${what} from 1, got ${value}`, 'input');
}

/** How it is told what happens. */
export interface SaverContext {
  readonly onEvent: (event: CheckpointEvent) => void;
  readonly at: (point: WritePoint) => void;
}

/**
 * Writes checkpoints while the next steps run, one at a time. What went wrong in writing one is thrown when the run next
 * asks.
 */
export class Saver {
  /** The step of the newest checkpoint that was handed over. */
  newest: number | undefined;
  private at = performance.now();
  private writing: Promise<void> = Promise.resolve();
  private failure: { readonly error: unknown } | undefined;

  constructor(
    private readonly options: CheckpointOptions,
    private readonly plan: Plan,
    private readonly context: SaverContext,
  ) {
    const { keep = checkpointDefaults.keep } = options;
    if ('steps' in this.every) wholeFrom1('steps between two', this.every.steps);
    wholeFrom1('number to keep', keep);
  }

  private get every(): NonNullable<CheckpointOptions['every']> {
    return this.options.every ?? checkpointDefaults.every;
  }

  /** Steps at which a chunk has to end for the sake of a checkpoint, ascending. */
  get stops(): number[] {
    const period = 'steps' in this.every ? this.every.steps : this.plan.epochSteps;
    return Array.from({ length: Math.floor(this.plan.steps / period) }, (_, i) => (i + 1) * period);
  }

  /** Says that the run goes on from a checkpoint. */
  resumed(step: number): void {
    this.newest = step;
  }

  /** Whether the state after this step is to be kept. */
  due(step: number): boolean {
    if (step === this.newest) return false;
    if (step === this.plan.steps) return true;
    if ('steps' in this.every) return step % this.every.steps === 0;
    const seconds = (performance.now() - this.at) / 1000;
    const epochEnd = step % this.plan.epochSteps === 0;
    return seconds >= (epochEnd ? EPOCH_SHARE : 1) * this.every.seconds;
  }

  /** Starts to write a checkpoint, once the one before is written. */
  async save(checkpoint: Checkpoint): Promise<void> {
    await this.settle();
    this.newest = checkpoint.step;
    this.at = performance.now();
    this.writing = this.write(checkpoint).catch((error: unknown) => {
      this.failure ??= { error };
    });
  }

  /** Throws what went wrong in writing, if anything did. */
  check(): void {
    if (this.failure) throw this.failure.error;
  }

  /** Waits for the checkpoint under way; throws what went wrong. */
  async settle(): Promise<void> {
    await this.writing;
    this.check();
  }

  /** Waits for the checkpoint under way, whatever becomes of it. */
  async idle(): Promise<void> {
    await this.writing;
  }

  private async write(checkpoint: Checkpoint): Promise<void> {
    const { dir, keep = checkpointDefaults.keep } = this.options;
    const { step } = checkpoint;
    await writeCheckpoint(dir, checkpoint, this.context.at);
    await tidyCheckpoints(dir, keep);
    this.context.onEvent({ type: 'checkpoint', step });
  }
}
