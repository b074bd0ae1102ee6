import { z } from 'zod';
import { option, text } from '../schema/options.js';

/** Options of the command line itself, the same for every verb. */
export const CommonOptions = z.strictObject({
  config: option(text.optional(), {
    description: "JSON file with the verb's options, or with a section for each verb; flags override it",
    'x-value': 'FILE',
  }),
  json: option(z.boolean().default(false), { description: 'Print one JSON document on stdout' }),
  events: option(z.boolean().default(false), {
    description: 'Print every event as a line of JSON on stdout, the result last, in an event of its own (NDJSON)',
  }),
  quiet: option(z.boolean().default(false), { description: 'Print no progress' }),
  help: option(z.boolean().default(false), { description: 'Print this help' }),
});

/** Options of the command line itself with defaults filled in. */
export type CommonOptions = z.output<typeof CommonOptions>;
