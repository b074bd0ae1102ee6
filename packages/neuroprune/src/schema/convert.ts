import { z } from 'zod';
import { model, offline, option, text } from './options.js';

/** Turns a Hub model or folder into ONNX, and compares its training graph with a golden file. */
export const ConvertOptions = z
  .strictObject({
    model,
    out: option(text.optional(), { description: 'Folder for the ONNX model', 'x-value': 'DIR' }),
    trainable: option(z.boolean().default(false), { description: 'Write the step graph of training instead' }),
    verify: option(text.optional(), {
      description: 'Golden file to compare logits, loss and gradients with',
      'x-value': 'GOLDEN',
    }),
    offline,
  })
  .superRefine(({ out, verify }, issues) => {
    if (out === undefined && verify === undefined) {
      issues.addIssue({ code: 'custom', path: ['out'], message: 'required without --verify' });
    }
  });
