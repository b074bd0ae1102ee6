import { glue, tasks, textTasks } from '@neuroprune/evaluate';
import { expect, test } from 'vitest';
import { ScoredTaskName, TaskName } from './options.js';
import { TextTask } from './writing.js';

test('the tasks of the options are those of the table', () => {
  expect(TaskName.options).toEqual(glue);
  expect(ScoredTaskName.options).toEqual([...glue, 'mnli-mm', 'ax']);
  expect(ScoredTaskName.options).toEqual(Object.keys(tasks));
  expect(TextTask.options).toEqual(Object.keys(textTasks));
});
