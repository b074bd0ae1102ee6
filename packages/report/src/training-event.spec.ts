import { expect, test } from 'vitest';
import { parseEvents } from './training-event.js';

const step = { step: 1, loss: 0.5, penalties: { mlp: 2 }, lr: 1e-4, sparsity: 0.1, heads: 16, examplesPerSecond: 9 };

test.each([
  ['a step', `${JSON.stringify(step)}\n`, [step]],
  ['only what is there', '{"step":2,"loss":1}', [{ step: 2, loss: 1 }]],
  ['other events are left out', '{"type":"stage","name":"train"}\n{"step":2,"loss":1}\n', [{ step: 2, loss: 1 }]],
  ['a loss that JSON cannot hold', '{"step":2,"loss":null}', [{ step: 2, loss: Number.NaN }]],
  ['a last line cut short', '{"step":2,"loss":1}\n{"step":3,"lo', [{ step: 2, loss: 1 }]],
  ['nothing', '', []],
])('%s', (_, text, expected) => {
  expect(parseEvents(text)).toEqual(expected);
});

test('a broken line in the middle is named', () => {
  expect(() => parseEvents('{"step":1,"loss":1}\n{\n{"step":2,"loss":1}\n')).toThrow(
    /one JSON document a line.*line 2/,
  );
});
