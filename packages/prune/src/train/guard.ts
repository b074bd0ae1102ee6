import type { Batch } from '@neuroprune/runtime';
import { PruneError } from '../errors.js';
import type { LossScaleEvent, SkipEvent } from './request.js';

/** Skipped steps in a row that end a run: what training has come to by then will not mend itself. */
export const MOST_SKIPS = 20;

/** Results of the step graph that say how a step went; all others but the loss are penalties. */
export const STEP_RESULTS = ['grad_norm', 'skipped', 'loss_scale'] as const;

/** What a guard goes on from. */
export interface Skips {
  readonly total: number;
  readonly inARow: number;
}

/** Results of a chunk of steps, one number a step. */
export interface ChunkResults {
  readonly results: Readonly<Record<string, Float32Array>>;
  readonly batches: readonly Batch[];
  /** The chunk's first step, counted from 1. */
  readonly first: number;
}

/** What a guard is told. */
export interface GuardOptions {
  readonly onNan: 'stop' | 'skip';
  readonly onEvent: (event: SkipEvent | LossScaleEvent) => void;
  /** What a run that broke can go back to, as the end of a clause. */
  readonly before: () => string;
}

/**
 * Judges each step by its loss and the norm of its gradient: one that is not finite ends the run, or was skipped. In half
 * precision, an overflow of the gradient alone is what loss scaling is for, and never ends a run by itself.
 */
export class Guard {
  skips: Skips = { total: 0, inARow: 0 };
  private scale: number | undefined;

  constructor(private readonly options: GuardOptions) {}

  /** Tells of what went wrong in a chunk; returns whether each step was taken. Throws where the run is to end. */
  check({ results, batches, first }: ChunkResults): boolean[] {
    return Array.from({ length: results.loss?.length ?? 0 }, (_, i) => {
      const at = (name: string) => results[name]?.[i];
      this.follow(first + i, at('loss_scale'));
      const [loss, gradNorm] = [at('loss') ?? Number.NaN, at('grad_norm')];
      const taken = at('skipped') === undefined ? allFinite(loss, gradNorm) : at('skipped') === 0;
      if (taken) this.skips = { ...this.skips, inARow: 0 };
      else this.bad({ step: first + i, loss, gradNorm, scale: at('loss_scale'), rows: batches[i]?.numbers });
      return taken;
    });
  }

  private bad({ step, loss, gradNorm, scale, rows }: BadStep): void {
    const where = `at step ${step}${rows ? ` (rows ${rows.join(', ')} of the data, from 0)` : ''}`;
    const what = Number.isFinite(loss) ? `gradient, got one of norm ${gradNorm}` : `loss, got ${loss}`;
    const scaled = scale !== undefined && Number.isFinite(loss);
    const end = (expected: string) =>
      new PruneError(`training: expected a finite ${expected}${this.options.before()}; lower the learning rate`);
    if (this.options.onNan === 'stop' && !scaled) throw end(`${what} ${where}`);
    this.skips = { total: this.skips.total + 1, inARow: this.skips.inARow + 1 };
    const { inARow } = this.skips;
    this.options.onEvent({
      type: 'skip',
      step,
      ...(rows && { rows }),
      loss,
      ...(gradNorm !== undefined && { gradNorm }),
      inARow,
    });
    if (inARow >= MOST_SKIPS) throw end(`${what} ${where}, the ${inARow}th step in a row that was skipped`);
  }

  /** Tells of a scale other than that of the step before. */
  private follow(step: number, scale: number | undefined): void {
    if (scale === undefined) return;
    if (this.scale !== undefined && this.scale !== scale)
      this.options.onEvent({ type: 'lossScale', step, scale, before: this.scale });
    this.scale = scale;
  }
}

interface BadStep {
  readonly step: number;
  readonly loss: number;
  readonly gradNorm: number | undefined;
  readonly scale: number | undefined;
  readonly rows: readonly number[] | undefined;
}

const allFinite = (...values: readonly (number | undefined)[]): boolean =>
  values.every((value) => value === undefined || Number.isFinite(value));
