/** Courses of the learning rate after the warm-up, as the share that is left at a fraction `u` of the way. */
const courses = {
  linear: (u: number) => 1 - u,
  cosine: (u: number) => cosine(u),
  constant: () => 1,
} as const;

/** Half a wave from 1 to 0. */
const cosine = (u: number): number => (1 + Math.cos(Math.PI * u)) / 2;

/** Name of a course. */
export type Course = keyof typeof courses | 'one-cycle';

/** A learning rate over a run. */
export interface Schedule {
  /** The highest rate. */
  readonly lr: number;
  readonly schedule: Course;
  /** Share of the steps over which the rate rises. */
  readonly warmup: number;
  /** Steps of the run. */
  readonly steps: number;
}

/** The learning rate of a step, counted from 1: a linear rise, then the course, which reaches its end after the last step. */
export function learningRate(step: number, { lr, schedule, warmup, steps }: Schedule): number {
  if (schedule === 'one-cycle') return lr * oneCycle(step - 1, warmup * steps - 1, steps - 1);
  const rise = Math.max(1, Math.floor(warmup * steps));
  if (step <= rise) return (lr * step) / rise;
  return lr * courses[schedule]((step - 1 - rise) / (steps - rise));
}

/** What the highest rate is divided by at the start, and that by at the end. */
const ONE_CYCLE = { start: 25, end: 1e4 } as const;

/**
 * Share of the highest rate at `at` of 0 … `last`, which is reached at `peak` (Smith & Topin 2017, as in PyTorch's
 * `OneCycleLR` with its defaults: half waves up from 1/25 and down to 1/250,000, momentum not cycled).
 */
function oneCycle(at: number, peak: number, last: number): number {
  const start = 1 / ONE_CYCLE.start;
  const end = start / ONE_CYCLE.end;
  const between = (from: number, to: number, u: number) => to + (from - to) * cosine(u);
  if (at < peak) return between(start, 1, at / peak);
  return last > Math.max(0, peak) ? between(1, end, (at - peak) / (last - peak)) : 1;
}
