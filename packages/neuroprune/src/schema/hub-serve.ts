import { z } from 'zod';
import { count, option, text } from './options.js';

/** Serves a Hub on loopback. */
export const HubServeOptions = z.strictObject({
  port: option(z.int().min(0).max(65_535).default(0), { description: 'Port to listen on (0: a free one)' }),
  root: option(text.default('runs/local-hub'), { description: 'Folder that holds the repositories', 'x-value': 'DIR' }),
  token: option(
    z
      .string()
      .regex(/^hf_\w+$/)
      .optional(),
    {
      description: 'Write token of the user local',
      'x-value': 'hf_TOKEN',
      'x-secret': true,
    },
  ),
  users: option(text.optional(), {
    description: 'JSON file: [{name, tokens: [{value, role: read or write}]}]',
    'x-value': 'FILE',
  }),
  seed: option(text.optional(), {
    description: 'Folder with models/ORG/NAME and datasets/ORG/NAME, imported once',
    'x-value': 'DIR',
  }),
  multipartMb: option(count(1).optional(), { description: 'Size in MB from which uploads come in parts' }),
});
