import { expect, test } from 'vitest';
import { LogEvent, type LogEventType, logEvents, parseLog } from './log-event.js';
import { parseEvents } from './training-event.js';

const train = {
  ...{ type: 'train', step: 2, steps: 8, epoch: 0.5, loss: 0.5, penalties: { 'penalty.mlp': 2 } },
  ...{ lr: 1e-4, sparsity: 0.1, heads: 16, gradNorm: 3, examplesPerSecond: 9 },
} as const;

const samples = {
  train,
  checkpoint: { type: 'checkpoint', step: 2 },
  resume: { type: 'resume', step: 2, steps: 8 },
  skip: { type: 'skip', step: 3, rows: [4, 5], loss: Number.NaN, gradNorm: Number.NaN, inARow: 1 },
  lossScale: { type: 'lossScale', step: 3, scale: 32, before: 64 },
  score: { type: 'score', step: 4, score: 0.5, counts: true, best: false },
  earlyStop: { type: 'earlyStop', step: 6, best: 4 },
  metrics: { type: 'metrics', step: 8, task: 'rte', split: 'validation', examples: 277, metrics: { accuracy: 0.6 } },
  stage: { type: 'stage', stage: 'fetch', detail: 'a model', seconds: 1.5 },
  warning: { type: 'warning', message: 'slow' },
  note: { type: 'note', message: 'well' },
  device: { type: 'device', device: 'cuda:1', why: 'it works' },
  accumulate: { type: 'accumulate', accumulate: 4, rows: 8, length: 128, device: 'cuda', tooMany: [32, 16] },
} as const satisfies { readonly [T in LogEventType]: LogEvent & { readonly type: T } };

test.each(Object.values(samples))('an event comes back from its line: $type', (event) => {
  const line = { ...event, run: 'baseline', time: 1.5 };
  expect(parseLog(`${JSON.stringify(line)}\n`)).toEqual([line]);
});

test.each(Object.keys(logEvents) as LogEventType[])(
  'an event that lacks a field is refused with its line: %s',
  (type) => {
    const { [Object.keys(samples[type])[1] as keyof object]: _, ...rest } = samples[type];
    const message = `expected an event '${type}', got one whose ${Object.keys(samples[type])[1]} does not fit (line 2)`;
    expect(() => parseLog(`${JSON.stringify(train)}\n${JSON.stringify(rest)}\n`, 'log')).toThrow(message);
  },
);

test('the union holds every type of the table', () => {
  expect(LogEvent.options.map(({ shape }) => shape.type.value)).toEqual(Object.keys(logEvents));
});

test('events that came later and a last line cut short are left out', () => {
  expect(parseLog(`{"type":"later","x":1}\n7\n${JSON.stringify(train)}\n{"type":"tr`)).toEqual([train]);
});

test('curves are of the method, not of the dense training beside it', () => {
  const lines = [
    { ...train, run: 'baseline' },
    { ...train, step: 4 },
    { ...samples.skip, run: 'baseline' },
  ];
  expect(parseEvents(lines.map((line) => JSON.stringify(line)).join('\n')).map(({ step }) => step)).toEqual([4]);
});
