import type { Tensor } from '@neuroprune/onnx';
import { z } from 'zod';
import { PruneError } from '../errors.js';
import type { Density, Plan } from './plan.js';
import type { ScoreEvent, TrainRequest } from './request.js';

const number = z.union([z.number(), z.null().transform(() => Number.NaN)]); // JSON has no NaN

/** What a watch goes on from, its best weights apart. */
export const WatchState = z.object({
  best: z.object({ step: z.int(), score: number }).optional(),
  /** Scores that counted since the best. */
  misses: z.int(),
});
export type WatchState = z.output<typeof WatchState>;

type Tensors = ReadonlyMap<string, Tensor>;

/** Names under which a checkpoint keeps the best weights so far. */
const BEST = 'best/';

/** Scores the weights of a run now and then: for the best of them, and to stop where they get no better. */
export class Watch {
  private state: WatchState = { misses: 0 };
  private kept: Tensors | undefined;

  constructor(
    private readonly request: TrainRequest,
    private readonly plan: Plan,
    /** Step after which the method does nothing more. */
    private readonly settled: number,
  ) {
    const { watch, score } = request;
    if ((watch === undefined) !== (score === undefined))
      throw new PruneError('internal: watch: expected options and a score, got one of them');
    for (const [what, value] of Object.entries({ 'steps between two scores': watch?.every, patience: watch?.patience }))
      if (value !== undefined && !(Number.isInteger(value) && value >= 1))
        throw new PruneError(`watch: expected ${what} to be whole from 1, got ${value}`, 'input');
  }

  /** Steps after which the weights are scored, ascending; the last of the run always is. */
  get stops(): number[] {
    if (!this.request.watch) return [];
    const { steps, epochSteps } = this.plan;
    const every = this.request.watch.every ?? epochSteps;
    const regular = Array.from({ length: Math.floor(steps / every) }, (_, i) => (i + 1) * every);
    return [...new Set([...regular, steps])];
  }

  /** Whether the scores have not got better for so long that the run is to end. */
  get over(): boolean {
    const { patience } = this.request.watch ?? {};
    return patience !== undefined && this.state.misses >= patience;
  }

  /** Step and score of the best weights. */
  get best(): WatchState['best'] {
    return this.state.best;
  }

  /** The best weights, where they are what the run ends with. */
  get bestTensors(): Tensors | undefined {
    return this.kept;
  }

  /** Scores the weights after a step; only from the target on does a score count. */
  async look(step: number, density: Density & { readonly weights: number }, tensors: Tensors): Promise<ScoreEvent> {
    const { score: measure, watch } = this.request;
    const score = (await measure?.(tensors)) ?? Number.NaN;
    const counts = step >= this.settled && this.reached(density);
    const best = counts && score > (this.state.best?.score ?? Number.NEGATIVE_INFINITY);
    if (best) this.state = { best: { step, score }, misses: 0 };
    else if (counts) this.state = { ...this.state, misses: this.state.misses + 1 };
    if (best && watch?.keepBest) this.kept = tensors;
    return { type: 'score', step, score, counts, best };
  }

  private reached({ sparsity, heads, weights }: Density & { readonly weights: number }): boolean {
    const { method } = this.request;
    const target = ('sparsity' in method && method.sparsity) || 0;
    const keep = 'heads' in method ? method.heads : undefined;
    return Math.round(sparsity * weights) >= Math.round(target * weights) && (keep === undefined || heads <= keep);
  }

  /** What a checkpoint keeps. */
  save(): { readonly state: WatchState; readonly tensors: readonly (readonly [string, Tensor])[] } {
    return { state: this.state, tensors: [...(this.kept ?? [])].map(([name, value]) => [`${BEST}${name}`, value]) };
  }

  /** Goes on from a checkpoint. */
  restore(state: WatchState, best: Tensors): void {
    this.state = state;
    if (best.size > 0) this.kept = best;
  }
}

/** The tensors of a checkpoint: the state of the run, and the best weights so far. */
export function divided(tensors: Tensors): { readonly state: Map<string, Tensor>; readonly best: Map<string, Tensor> } {
  const [state, best] = [new Map<string, Tensor>(), new Map<string, Tensor>()];
  for (const [name, value] of tensors)
    if (name.startsWith(BEST)) best.set(name.slice(BEST.length), value);
    else state.set(name, value);
  return { state, best };
}
