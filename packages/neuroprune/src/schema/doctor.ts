import { z } from 'zod';
import { option, text } from './options.js';

/** Says what runs on this machine, and gets what CUDA needs. */
export const DoctorOptions = z.strictObject({
  installCuda: option(z.boolean().default(false), {
    description: "First put the CUDA provider of ONNX Runtime's very version in place, from the package index of pip",
  }),
  wheel: option(text.optional(), {
    description: 'Wheel of onnxruntime-gpu to take it from instead',
    'x-value': 'FILE',
    'x-with': { installCuda: ['true'] },
  }),
});
