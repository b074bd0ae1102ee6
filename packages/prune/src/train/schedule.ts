/** Courses of the learning rate after the warm-up, as the share that is left at a fraction `u` of the way. */
const courses = {
  linear: (u: number) => 1 - u,
  cosine: (u: number) => (1 + Math.cos(Math.PI * u)) / 2,
  constant: () => 1,
} as const;

/** Name of a course. */
export type Course = keyof typeof courses;

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
  const rise = Math.max(1, Math.floor(warmup * steps));
  if (step <= rise) return (lr * step) / rise;
  return lr * courses[schedule]((step - 1 - rise) / (steps - rise));
}
