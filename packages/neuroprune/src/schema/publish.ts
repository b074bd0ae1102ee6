import { z } from 'zod';
import { argument, option, RepositoryName, text } from './options.js';

/** Options of the verbs that push. */
export const publishing = {
  to: option(RepositoryName, { description: 'Repository to push to', 'x-value': 'ORG/NAME' }),
  private: option(z.boolean().default(false), { description: 'Create the repository as a private one' }),
  branch: option(text.optional(), { description: 'Branch to commit to', 'x-default': 'main' }),
} as const;

/** Which of several seeds is pushed. */
export const publishBest = option(z.boolean().default(false), {
  description: "With --seeds: push the seed that is best by the task's metric on the validation split, not the first",
});

/** Pushes the model of a run folder. */
export const PublishOptions = z.strictObject({
  run: option(text, { description: 'Run folder whose model is pushed', 'x-value': 'RUN-DIR', ...argument(0) }),
  ...publishing,
});
