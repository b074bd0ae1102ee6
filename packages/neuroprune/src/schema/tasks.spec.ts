import { glue, tasks, textTasks } from '@neuroprune/evaluate';
import { expect, test } from 'vitest';
import { ScoredTaskName, TaskName } from './options.js';
import { TextTask } from './writing.js';

test('the tasks of the options are those of the table', () => {
  expect(TaskName.options).toEqual(glue);
  expect([...ScoredTaskName.options].sort()).toEqual(Object.keys(tasks).sort());
  expect(TextTask.options).toEqual(Object.keys(textTasks));
});
