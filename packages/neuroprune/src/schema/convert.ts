import { z } from 'zod';
import { dtypes } from './dtype.js';
import { model, offline, option, text } from './options.js';

/** Turns a Hub model or folder into ONNX, and compares its training graph with a golden file. */
export const ConvertOptions = z
  .strictObject({
    model,
    out: option(text.optional(), { description: 'Folder for the ONNX model', 'x-value': 'DIR' }),
    trainable: option(z.boolean().default(false), { description: 'Write the step graph of training instead' }),
    dtype: option(dtypes.optional(), {
      description: 'Precisions of the ONNX files, by the names of transformers.js, each a file of its own',
      'x-value': 'fp32|fp16|q8|q4|q4f16,…',
      'x-default': 'fp32',
    }),
    verify: option(text.optional(), {
      description: 'Golden file to compare logits, loss and gradients with',
      'x-value': 'GOLDEN',
    }),
    dryRun: option(z.boolean().default(false), {
      description: 'List the layers that can be pruned, their parameters, and what stays dense; write nothing',
    }),
    offline,
  })
  .superRefine(({ out, verify, dtype, trainable, dryRun }, issues) => {
    if (out === undefined && verify === undefined && !dryRun) {
      issues.addIssue({ code: 'custom', path: ['out'], message: 'required without --verify or --dry-run' });
    }
    const needed =
      out === undefined ? 'acts only with --out, got none' : trainable ? 'acts only without --trainable' : '';
    if (dtype !== undefined && needed !== '') issues.addIssue({ code: 'custom', path: ['dtype'], message: needed });
  });
