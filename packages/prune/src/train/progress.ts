import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { PruneError } from '../errors.js';
import type { Plan } from './plan.js';
import type { TrainRequest } from './request.js';
import { WatchState } from './watch.js';

const number = z.union([z.number(), z.null().transform(() => Number.NaN)]); // JSON has no NaN

/**
 * What the host knows of a run besides the state: the rest of a checkpoint. The position in the data is the step, for
 * batches are a function of epoch and position; so is dropout, whose generator counts from seed and step. Masks are the
 * zeros of masked weights.
 */
export const Progress = z.object({
  step: z.int(),
  /** Steps of the run and of an epoch, and the batches of an epoch. */
  steps: z.int(),
  epochSteps: z.int(),
  epochBatches: z.int().optional(),
  /** Where in the data the next batch lies. */
  next: z.object({ epoch: z.int(), batch: z.int() }),
  /** The request, model and batches apart. */
  request: z.record(z.string(), z.unknown()),
  sparsity: z.number(),
  heads: z.int(),
  loss: number,
  removals: z.array(
    z.object({
      layer: z.int(),
      head: z.int(),
      into: z.int().nullable(),
      reason: z.enum(['absorbed', 'dead', 'dropped']),
    }),
  ),
  meter: z.object({
    tokens: z.number(),
    computedTokens: z.number(),
    paddedTokens: z.number(),
    examples: z.number(),
    chunks: z.array(z.object({ steps: z.int(), ms: z.number() })),
  }),
  /** Steps that were skipped, and how many of them last. */
  skips: z.object({ total: z.int(), inARow: z.int() }).default({ total: 0, inARow: 0 }),
  /** Scores of the weights; the best weights are in the state. */
  watch: WatchState.default({ misses: 0 }),
  /** What the caller keeps with a checkpoint. */
  note: z.unknown().optional(),
});
export type Progress = z.output<typeof Progress>;

/** A request as JSON, functions and what is done about broken steps apart. */
export function plainRequest({
  model: _,
  groups: _groups,
  batches: _batches,
  onNan: _onNan,
  ...plain
}: TrainRequest): Progress['request'] {
  return JSON.parse(JSON.stringify(plain));
}

/** What a run that goes on must have in common with the one that was stopped: all but its device. */
const keptOf = ({ session, ...rest }: Progress['request']): Progress['request'] => {
  const { device: _, ...kept } = Object(session);
  return { ...rest, session: kept };
};

/** The progress in a checkpoint. Throws an input error that names the first field in which the run asked for differs. */
export function progressFor(
  saved: unknown,
  asked: Pick<Progress, 'steps' | 'request'> & Pick<Plan, 'epochBatches'>,
): Progress {
  const progress = Progress.parse(saved);
  const { steps, epochBatches } = asked;
  const [before, request] = [keptOf(progress.request), keptOf(asked.request)];
  const pairs: [string, unknown, unknown][] = [
    ...[...new Set([...Object.keys(before), ...Object.keys(request)])].map((name): [string, unknown, unknown] => [
      name,
      before[name],
      request[name],
    ]),
    ['batches of an epoch', progress.epochBatches ?? progress.epochSteps, epochBatches],
    ['steps', progress.steps, steps],
  ];
  const differs = pairs.find(([, was, now]) => !isDeepStrictEqual(was, now));
  if (!differs) return progress;
  const [name, was, now] = differs.map((value) => (typeof value === 'string' ? value : JSON.stringify(value)));
  throw new PruneError(`resume: expected the ${name} of the run that was stopped, ${was}, got ${now}`, 'input');
}
