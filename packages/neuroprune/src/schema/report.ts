import { z } from 'zod';
import { argument, option, text } from './options.js';

/** Writes the report of a run folder again. */
export const ReportOptions = z.strictObject({
  run: option(text, { description: 'Run folder', 'x-value': 'RUN-DIR', ...argument(0) }),
});
