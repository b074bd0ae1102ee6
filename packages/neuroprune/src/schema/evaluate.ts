import { z } from 'zod';
import { dataset, requireData } from './data.js';
import { argument, count, device, offline, option, TaskName, text, threads } from './options.js';

/** A task, or `glue` for all nine. */
const TaskOrSuite = z.enum([...TaskName.options, 'glue']);

/** Runs the harness over one or more tasks. */
export const EvaluateOptions = z
  .strictObject({
    model: option(text, {
      description: 'Hub id, local folder or ONNX file',
      'x-value': 'MODEL',
      ...argument(0),
    }),
    task: option(
      z
        .union([TaskOrSuite, z.array(TaskOrSuite).min(1)])
        .transform((tasks) => [tasks].flat())
        .optional(),
      { description: 'Tasks, separated by commas; glue stands for all of them; required without --dataset' },
    ),
    ...dataset,
    split: option(text.default('validation'), {
      description: 'Rows to evaluate on: train, validation or test of a task, any split of a data set',
      'x-value': 'NAME',
    }),
    limit: option(count(1).optional(), { description: 'Evaluate only the first rows' }),
    batchSize: option(count(1).default(32), { description: 'Rows evaluated at once' }),
    out: option(text.optional(), {
      description: 'Folder whose predictions/<task>.ndjson are written',
      'x-default': 'none are written',
      'x-value': 'DIR',
    }),
    threads,
    device,
    offline,
  })
  .superRefine(requireData)
  .superRefine(requireSplit);

/** Every task has the same three splits. */
function requireSplit(
  { dataset: id, split }: { dataset?: string | undefined; split: string },
  issues: z.core.$RefinementCtx,
) {
  if (id !== undefined || ['train', 'validation', 'test'].includes(split)) return;
  issues.addIssue({
    code: 'custom',
    path: ['split'],
    message: `expected one of train, validation, test, got ${split}`,
  });
}
