import { expect, test } from 'vitest';
import type { RunEvent } from '../context.js';
import { duration, progress } from './progress.js';

function show(events: readonly (readonly [milliseconds: number, event: RunEvent])[], isTTY: boolean): string {
  let text = '';
  let time = 0;
  const shown = progress({ isTTY, columns: 60, write: (part) => (text += part) }, () => time);
  for (const [at, event] of events) {
    time = at;
    shown.onEvent(event);
  }
  shown.end();
  return text;
}

const step = (step: number, facts = {}): RunEvent => ({ type: 'step', step, steps: 100, ...facts });

test('plain lines: stages and messages at once, counts every ten seconds and at the end', () => {
  const events: [number, RunEvent][] = [
    [0, { type: 'stage', stage: 'train', detail: 'org/name' }],
    [0, step(0)],
    [1000, step(10)],
    [10_000, step(50, { loss: 0.25, sparsity: 0.5, heads: 14 })],
    [10_500, { type: 'warning', message: 'slow' }],
    [20_000, step(100)],
    [20_000, { type: 'checkpoint', bytes: 1 }],
  ];
  expect(show(events, false).split('\n')).toEqual([
    'train: org/name',
    'train 50/100 (50 %), loss 0.2500, sparsity 0.500, heads 14, 5.00 steps/s, 0:10 left',
    'warning: slow',
    'train 100/100 (100 %), 5.00 steps/s',
    '',
  ]);
});

test('a terminal has one line that is rewritten and cut to its width', () => {
  const events: [number, RunEvent][] = [
    [0, { type: 'progress', stage: 'fetch', done: 0, total: 4, unit: 'MB' }],
    [50, { type: 'progress', stage: 'fetch', done: 1, total: 4, unit: 'MB' }],
    [1000, { type: 'progress', stage: 'a stage with a very long name, longer than a line', done: 2, total: 4 }],
    [2000, { type: 'note', message: 'done' }],
  ];
  expect(show(events, true)).toBe(
    '\r\u001b[Kfetch 0/4 MB (0 %)\r\u001b[Ka stage with a very long name, longer than a line 2/4 (50 %\ndone\n',
  );
});

test('counts of several things at once keep their own rates', () => {
  const download = (path: string, bytes: number): RunEvent => ({ type: 'download', path, bytes, size: 4e6 });
  const events: [number, RunEvent][] = [
    [0, download('a', 0)],
    [1000, download('b', 1e6)],
    [2000, download('a', 4e6)],
    [3000, download('b', 4e6)],
    [3000, { type: 'evaluate', task: 'rte', split: 'validation', done: 277, total: 277 }],
  ];
  expect(show(events, false).split('\n')).toEqual([
    'download a 4/4 MB (100 %), 2.00 MB/s',
    'download b 4/4 MB (100 %), 1.50 MB/s',
    'evaluate rte validation 277/277 (100 %)',
    '',
  ]);
});

test.each([
  [0, '0:00'],
  [59.2, '1:00'],
  [3909, '1:05:09'],
])('%d seconds are %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});
