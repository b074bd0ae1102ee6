import type { RunContext } from '../context.js';
import { NeuropruneError } from '../error.js';
import type { RunEvent } from '../events.js';
import type { Field } from '../schema/field.js';
import { parseOptions } from '../schema/parse.js';
import type { VerbName } from '../schema/verbs.js';
import { loaders, type VerbModule } from '../verbs.js';
import { version } from '../version.js';
import { readArguments, splitVerb } from './arguments.js';
import type { CommonOptions } from './common.js';
import { readConfig } from './config.js';
import { commandHelp, verbHelp } from './help.js';
import { INTERRUPTED, interruptible, type SignalSource } from './interrupt.js';
import { type ProgressOutput, progress, silent } from './progress.js';
import { redact } from './redact.js';

/** The world of one call of the command. */
export interface Terminal {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: ProgressOutput;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly signals: SignalSource;
  /** Ends the process at once; called on a second interrupt. */
  readonly exit: (code: number) => void;
}

/** An error after which a person can do something. */
class Advised extends Error {
  constructor(
    readonly error: unknown,
    readonly advice: string,
  ) {
    super(advice);
  }
}

/** Runs one command line and returns the exit code: 0 done, 1 the job failed, 2 bad input, 130 interrupted. */
export async function runCommand(argv: readonly string[], terminal: Terminal): Promise<number> {
  const interrupt = interruptible(terminal.signals, () => terminal.exit(INTERRUPTED));
  try {
    return await dispatch(argv, terminal, interrupt.signal);
  } catch (error) {
    return report(error, terminal, interrupt.signal);
  } finally {
    interrupt.release();
  }
}

async function dispatch(argv: readonly string[], terminal: Terminal, signal: AbortSignal): Promise<number> {
  const line = (text: string) => terminal.stdout.write(`${text}\n`);
  const [first] = argv;
  if (first === undefined || first === '--help' || first === '-h' || first === 'help') line(commandHelp());
  else if (first === '--version') line(version);
  else {
    const { verb, rest } = splitVerb(argv);
    const { options, common } = readArguments(verb, rest);
    if (common.help) line(verbHelp(verb));
    else await runVerb(verb, options, common, { ...terminal, argv }, signal);
  }
  return 0;
}

async function runVerb(
  verb: VerbName,
  flags: Readonly<Record<string, unknown>>,
  common: CommonOptions,
  { stdout, stderr, env, cwd, argv }: Terminal & { readonly argv: readonly string[] },
  signal: AbortSignal,
): Promise<void> {
  const config = common.config === undefined ? {} : await readConfig(common.config, verb, cwd);
  const options = parseOptions(verb, { ...config, ...flags }, naming(flags, common));
  // The loader and the options are those of one verb; the table's union type hides that.
  const module = (await loaders[verb]()) as VerbModule<VerbName>;
  const shown = common.quiet
    ? silent
    : progress({ ...output(stderr), write: (text) => stderr.write(clean(text, env)) });
  const say = (event: RunEvent) => stdout.write(`${clean(JSON.stringify(event), env)}\n`);
  const print = (result: unknown) => {
    shown.end();
    if (result === undefined) return;
    if (common.events) say({ type: 'result', result });
    else stdout.write(`${clean(rendered(result, common.json, module), env)}\n`);
  };
  const onEvent = (event: RunEvent) => {
    if (common.events && event.type !== 'result') say(event);
    if (event.type === 'result') print(event.result);
    else if (event.type === 'resumable')
      advice = `what is done is kept in ${event.run}; go on with: ${resumeLine(argv)}`;
    else shown.onEvent(event);
  };
  let advice: string | undefined;
  const context: RunContext = { signal, onEvent, cwd, env };
  try {
    print(await module.run(options, context));
  } catch (error) {
    if (error instanceof NeuropruneError) print(error.result);
    throw advice === undefined ? error : new Advised(error, advice);
  } finally {
    shown.end();
  }
}

/** The same command with `--resume`, as a shell takes it. */
function resumeLine(argv: readonly string[]): string {
  const words = argv.includes('--resume') ? argv : [...argv, '--resume'];
  return ['neuroprune', ...words.map(quoted)].join(' ');
}

const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** Names an option as it was given: a flag, a bare word, or a key of the configuration. */
function naming(flags: Readonly<Record<string, unknown>>, { config }: CommonOptions): (field: Field) => string {
  return (field) => {
    if (config !== undefined && !(field.name in flags)) return `${field.name} (${config})`;
    return field.argument === undefined ? `--${field.flag}` : `<${field.value.toLowerCase()}>`;
  };
}

function rendered(result: unknown, json: boolean, { format }: VerbModule<VerbName>): string {
  return json || !format ? JSON.stringify(result, undefined, json ? undefined : 2) : format(result);
}

function output({ isTTY, columns }: ProgressOutput): { isTTY?: boolean; columns?: number } {
  return { ...(isTTY === undefined ? {} : { isTTY }), ...(columns === undefined ? {} : { columns }) };
}

function clean(text: string, env: Terminal['env']): string {
  return redact(text, [env.HF_TOKEN, env.HUGGING_FACE_HUB_TOKEN]);
}

function report(thrown: unknown, terminal: Terminal, signal: AbortSignal): number {
  const [error, advice] = thrown instanceof Advised ? [thrown.error, thrown.advice] : [thrown, undefined];
  const code = reportError(error, terminal, signal);
  if (advice !== undefined) terminal.stderr.write(`neuroprune: ${clean(advice, terminal.env)}\n`);
  return code;
}

function reportError(error: unknown, { stderr, env }: Terminal, signal: AbortSignal): number {
  if (signal.aborted) {
    if (isOfSystem(error)) stderr.write(`neuroprune: ${clean(message(error), env)}\n`);
    stderr.write('neuroprune: interrupted\n');
    return INTERRUPTED;
  }
  const debug = env.NEUROPRUNE_DEBUG === '1';
  const text = debug ? stack(error) : message(error);
  stderr.write(`neuroprune: ${clean(text, env)}\n`);
  return kindOf(error) === 'input' ? 2 : 1;
}

/** Whether an interrupted run could not write what it should have, for want of room or rights. */
function isOfSystem(error: unknown): boolean {
  const code = error instanceof Error && (error.cause as NodeJS.ErrnoException | undefined)?.code;
  return typeof code === 'string' && /^E[A-Z]+$/.test(code);
}

/** Errors of all packages carry a `kind`; anything else is a defect or a fault of the machine. */
function kindOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'kind' in error ? error.kind : undefined;
}

function message(error: unknown): string {
  const text = (error instanceof Error ? error.message : String(error)).replace(/\s*\n\s*/g, ' ');
  const known = kindOf(error) !== undefined || (error instanceof Error && 'code' in error);
  return known ? text : `internal: ${text}; set NEUROPRUNE_DEBUG=1 for the stack trace`;
}

function stack(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? error.message;
  return error.cause === undefined ? own : `${own}\ncaused by: ${stack(error.cause)}`;
}
