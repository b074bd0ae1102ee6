import type { LogEvent, LogEventType } from '@neuroprune/report';

type EventOf<T extends LogEventType> = Extract<LogEvent, { readonly type: T }>;
type Scalars = Readonly<Record<string, number>>;

const none = (): undefined => undefined;

const named = (prefix: string, values: Scalars): Scalars =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}/${name}`, value]));

/** What TensorBoard shows of each event, by tag. */
const scalars: { readonly [T in LogEventType]: (event: EventOf<T>) => Scalars | undefined } = {
  train: ({ loss, penalties, lr, sparsity, heads, gradNorm, examplesPerSecond }) => ({
    'train/loss': loss,
    ...named('train', penalties),
    'train/lr': lr,
    'train/sparsity': sparsity,
    'train/heads': heads,
    ...(gradNorm !== undefined && { 'train/grad_norm': gradNorm }),
    'train/examples_per_second': examplesPerSecond,
  }),
  metrics: ({ metrics }) => named('evaluation', metrics),
  score: ({ score }) => ({ 'evaluation/score': score }),
  lossScale: ({ scale }) => ({ 'train/loss_scale': scale }),
  skip: ({ inARow }) => ({ 'train/skipped_in_a_row': inARow }),
  // No numbers over steps.
  checkpoint: none,
  resume: none,
  earlyStop: none,
  stage: none,
  warning: none,
  note: none,
  device: none,
  accumulate: none,
};

/** The scalars of an event, and their step; undefined for one that has none. */
export function scalarsOf(event: LogEvent): { readonly step: number; readonly scalars: Scalars } | undefined {
  // An event belongs to the function of its own type, which the compiler cannot see from the two together.
  const found = (scalars[event.type] as (event: LogEvent) => Scalars | undefined)(event);
  return found && 'step' in event ? { step: event.step, scalars: found } : undefined;
}
