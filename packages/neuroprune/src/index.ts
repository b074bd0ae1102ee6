export type { RunContext, RunEvent } from './context.js';
export { type ErrorKind, NeuropruneError } from './error.js';
export { parseOptions } from './schema/parse.js';
export type { VerbInput, VerbName, VerbOptions } from './schema/verbs.js';
export { version } from './version.js';
