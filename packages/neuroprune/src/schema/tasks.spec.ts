import { tasks } from '@neuroprune/evaluate';
import { expect, test } from 'vitest';
import { TaskName } from './options.js';

test('the tasks of the options are those of the table', () => {
  expect([...TaskName.options].sort()).toEqual(Object.keys(tasks).sort());
});
