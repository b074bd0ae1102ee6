import type { RunContext } from './context.js';
import { parseOptions } from './schema/parse.js';
import type { VerbInput, VerbName, VerbOptions } from './schema/verbs.js';

/** What the module of a verb exports. */
export interface VerbModule<V extends VerbName> {
  /** Does the verb's work; what it returns is what `--json` prints. */
  readonly run: (options: VerbOptions<V>, context: RunContext) => Promise<unknown>;
  /** The result as text for a person; without it the result is printed as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: each module formats the result type of its own run.
  readonly format?: (result: any) => string;
}

type Loaders = { readonly [V in VerbName]: () => Promise<VerbModule<V>> };

/** Modules of the verbs, loaded when called, so that help and errors do not wait for the libraries of a job. */
export const loaders: Loaders = {
  'prune-and-publish': () => import('./verbs/prune-and-publish.js'),
  prune: () => import('./verbs/prune.js'),
  finetune: () => import('./verbs/finetune.js'),
  convert: () => import('./verbs/convert.js'),
  evaluate: () => import('./verbs/evaluate.js'),
  publish: () => import('./verbs/publish.js'),
  report: () => import('./verbs/report.js'),
  doctor: () => import('./verbs/doctor.js'),
  'hub serve': () => import('./verbs/hub-serve.js'),
};

/** Checks what a verb is given, then does its work on the calling thread. */
export async function runVerb<V extends VerbName>(verb: V, input: VerbInput<V>, context: RunContext): Promise<unknown> {
  const options = parseOptions(verb, input);
  const module = (await loaders[verb]()) as VerbModule<V>; // TypeScript does not follow the verb through the table
  return module.run(options, context);
}
