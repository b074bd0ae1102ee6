import { expect, test } from 'vitest';
import type { RunEvent } from '../events.js';
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

const train = {
  type: 'train',
  steps: 100,
  epoch: 0,
  loss: 0.25,
  penalties: {},
  lr: 1,
  sparsity: 0.5,
  heads: 14,
} as const;
const step = (step: number): RunEvent => ({ ...train, step, examplesPerSecond: 1 });
const row = (done: number): RunEvent => ({ type: 'evaluate', task: 'rte', split: 'validation', done, total: 4 });

test('plain lines: stages and messages at once, counts every ten seconds and at the end', () => {
  const events: [number, RunEvent][] = [
    [0, { type: 'stage', stage: 'train', detail: 'org/name' }],
    [0, step(0)],
    [1000, step(10)],
    [10_000, step(50)],
    [10_500, { type: 'warning', message: 'slow' }],
    [20_000, step(100)],
    [20_000, { type: 'checkpoint', step: 100 }],
  ];
  expect(show(events, false).split('\n')).toEqual([
    'train: org/name',
    'train 50/100 (50 %), loss 0.2500, sparsity 0.500, heads 14, 5.00 steps/s, 0:10 left',
    'warning: slow',
    'train 100/100 (100 %), loss 0.2500, sparsity 0.500, heads 14, 5.00 steps/s',
    '',
  ]);
});

test('a terminal has one line that is rewritten and cut to its width', () => {
  const events: [number, RunEvent][] = [
    [0, row(0)],
    [50, row(1)],
    [
      1000,
      { type: 'upload', repo: 'a/b', path: 'a file with a very long name, longer than a line', part: 2, parts: 4 },
    ],
    [2000, { type: 'note', message: 'done' }],
  ];
  expect(show(events, true)).toBe(
    '\r\u001b[Kevaluate rte validation 0/4 (0 %)\r\u001b[Kupload a file with a very long name, longer than a line 2/4\ndone\n',
  );
});

test('counts of several things at once keep their own rates', () => {
  const download = (path: string, bytes: number): RunEvent => ({
    type: 'download',
    repo: 'a/b',
    path,
    bytes,
    size: 4e6,
  });
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

test.each<[RunEvent, string]>([
  [{ type: 'resume', step: 5, steps: 9 }, 'going on after step 5 of 9'],
  [
    { type: 'skip', step: 5, rows: [1, 2], loss: Number.NaN, gradNorm: Number.NaN, inARow: 1 },
    'warning: step 5 skipped, for its loss is NaN and the norm of its gradient NaN (rows 1, 2 of the data, from 0)',
  ],
  [{ type: 'lossScale', step: 5, scale: 32, before: 64 }, 'step 5: the loss is scaled by 32, before by 64'],
  [{ type: 'score', step: 5, score: 0.5, counts: true, best: true }, 'step 5: score 0.5000, the best so far'],
  [{ type: 'earlyStop', step: 5, best: 3 }, 'stopping early after step 5, best after 3'],
])('a line of its own: $type', (event, text) => {
  expect(show([[0, event]], false)).toBe(`${text}\n`);
});
