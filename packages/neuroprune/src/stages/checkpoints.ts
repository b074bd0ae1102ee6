import type { CheckpointOptions, TrainContext, TrainPoint } from '@neuroprune/prune';
import type { VerbOptions } from '../schema/verbs.js';

/** The options that say how a run is kept. */
export type KeepChoice = Pick<VerbOptions<'finetune'>, 'checkpointEvery' | 'keepCheckpoints'>;

/** How often and how many, in the trainer's words. */
export function keptAs({ checkpointEvery, keepCheckpoints }: KeepChoice): Pick<CheckpointOptions, 'every' | 'keep'> {
  return { every: everyOf(checkpointEvery), keep: keepCheckpoints };
}

const SECONDS = { s: 1, m: 60, h: 3600 } as const;

/** `500` is steps; `90s`, `5m` and `1h` are times. */
function everyOf(text: string): NonNullable<CheckpointOptions['every']> {
  const unit = text.at(-1) as keyof typeof SECONDS;
  return unit in SECONDS ? { seconds: Number(text.slice(0, -1)) * SECONDS[unit] } : { steps: Number(text) };
}

/** Whom tests stop: `POINT:HIT:SIGNAL` sends the process a signal when the point is reached for the HIT-th time. */
const STOP = 'NEUROPRUNE_TEST_STOP';

/** Over all trainings of the process. */
let reachedSoFar = 0;

/** Reaches the points of a run for tests of what remains after a signal in the middle of them. */
export function testStop(env: Readonly<Record<string, string | undefined>>): Pick<TrainContext, 'at'> {
  const [point, hit, signal] = (env[STOP] ?? '').split(':') as [TrainPoint, string?, NodeJS.Signals?];
  if (signal === undefined) return {};
  return {
    at: (reached) => {
      if (reached === point && ++reachedSoFar === Number(hit)) process.kill(process.pid, signal);
    },
  };
}
