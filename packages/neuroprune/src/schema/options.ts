import { type TaskName as ScoredTask, tasks, trainedTasks } from '@neuroprune/evaluate';
import { type Device, isDevice } from '@neuroprune/runtime';
import { z } from 'zod';

/**
 * Facts about an option that its zod type cannot say. They travel through `z.toJSONSchema`, so that help, errors,
 * flags and generated schemas read them from one place.
 */
export interface OptionMeta {
  /** One sentence without a full stop. */
  readonly description: string;
  /** What stands for the value in help and in errors, such as `ORG/NAME`. */
  readonly 'x-value'?: string;
  /** Where the value comes from when none is given, for an option without a default of its own. */
  readonly 'x-default'?: string;
  /** Other options and the values of theirs under which alone this one acts. */
  readonly 'x-with'?: Readonly<Record<string, readonly string[]>>;
  /** Whether messages must not repeat its value. */
  readonly 'x-secret'?: boolean;
  /** Position on the command line. */
  readonly $default?: { readonly $source: 'argv'; readonly index: number };
}

/** Attaches the facts of an option to its type. */
export function option<T extends z.ZodType>(type: T, meta: OptionMeta): T {
  return type.meta({ ...meta });
}

/** Metadata that makes an option the command line's `index`-th bare word. */
export function argument(index: number): Pick<OptionMeta, '$default'> {
  return { $default: { $source: 'argv', index } };
}

/** Text that is not empty. */
export const text = z.string().min(1);

/** A whole number of at least `minimum`. */
export function count(minimum: number): z.ZodInt {
  return z.int().min(minimum);
}

/** Tasks of classes and scores that a model can be trained on. */
export const TaskName = z.enum(trainedTasks);

// Object.keys types its result as string[]; the table is a constant.
/** Tasks that a model can be scored on: those it can be trained on, MNLI's mismatched split and the diagnostic set. */
export const ScoredTaskName = z.enum(Object.keys(tasks) as [ScoredTask, ...ScoredTask[]]);

/** A repository's name on a Hub. */
export const RepositoryName = z.string().regex(/^[\w.-]+\/[\w.-]+$/);

/** The model a verb starts from. */
export const model = option(text, {
  description: 'Model to start from: a Hub id or a local folder',
  'x-value': 'MODEL',
  ...argument(0),
});

/** Threads of ONNX Runtime. */
export const threads = option(count(1).optional(), {
  description: 'Threads ONNX Runtime may use',
  'x-default': 'the number of cores',
});

/** A device by its name. */
export const DeviceName = z
  .string()
  .pipe(
    z.custom<Device>((value) => isDevice(String(value)), 'expected cpu, cuda, cuda:N (the number of a GPU) or webgpu'),
  );

const isAsked = (value: unknown): boolean => value === 'auto' || isDevice(String(value));

/** Device that runs the graphs. */
export const device = option(
  z
    .string()
    .pipe(z.custom<Device | 'auto'>(isAsked, 'expected auto, cpu, cuda, cuda:N (the number of a GPU) or webgpu'))
    .default('auto'),
  { description: 'Device that runs the graphs; auto is the fastest that works', 'x-value': 'auto|cpu|cuda[:N]|webgpu' },
);

/** Forbids the network. */
export const offline = option(z.boolean().default(false), {
  description: 'Use only what the cache and local folders hold',
});
