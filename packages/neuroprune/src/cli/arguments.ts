import { parseArgs } from 'node:util';
import { NeuropruneError } from '../error.js';
import { type Field, fields } from '../schema/field.js';
import { isVerbName, type Verb, type VerbName, verbNames, verbs } from '../schema/verbs.js';
import { closest } from '../suggest.js';
import { CommonOptions } from './common.js';

/** A command line taken apart; values are as typed, but numbers, booleans and lists have their type. */
export interface Arguments {
  readonly options: Readonly<Record<string, unknown>>;
  readonly common: CommonOptions;
}

/** Finds the verb at the start of a command line; throws an input error that suggests one for a mistyped word. */
export function splitVerb(argv: readonly string[]): { verb: VerbName; rest: readonly string[] } {
  for (const words of [2, 1]) {
    const name = argv.slice(0, words).join(' ');
    if (argv.length >= words && isVerbName(name)) return { verb: name, rest: argv.slice(words) };
  }
  const word = argv[0] ?? '';
  const near = closest(word, verbNames) ?? verbNames.find((name) => name.startsWith(`${word} `));
  const advice = near === undefined ? "run 'neuroprune --help' for the list" : `did you mean ${near}?`;
  throw new NeuropruneError('input', `${word}: expected a verb, got an unknown one; ${advice}`);
}

/** Reads flags and bare words of a verb; throws an input error for unknown ones and missing values. */
export function readArguments(verb: VerbName, argv: readonly string[]): Arguments {
  const { schema }: Verb = verbs[verb];
  const own = fields(schema);
  const common = fields(CommonOptions);
  const given = new Map<string, unknown>();
  const words: string[] = [];
  for (const token of tokens([...own, ...common], argv)) {
    if (token.kind === 'positional') words.push(token.value);
    else if (token.kind === 'option') take(token, [...own, ...common], given);
  }
  for (const [name, value] of bareWords(own, words)) given.set(name, value);
  const isCommon = (name: string) => common.some((field) => field.name === name);
  const pick = (want: (name: string) => boolean) => Object.fromEntries([...given].filter(([name]) => want(name)));
  return { options: pick((name) => !isCommon(name)), common: CommonOptions.parse(pick(isCommon)) };
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

function tokens(known: readonly Field[], argv: readonly string[]) {
  const options = Object.fromEntries(
    known.map(({ flag, kind }) => [flag, { type: kind === 'boolean' ? ('boolean' as const) : ('string' as const) }]),
  );
  const help = { help: { type: 'boolean', short: 'h' } } as const;
  // Not strict: our own messages name the flag, what it expects and the nearest known one.
  return parseArgs({
    args: [...argv],
    options: { ...options, ...help },
    allowPositionals: true,
    strict: false,
    tokens: true,
  }).tokens;
}

function take(token: OptionToken, known: readonly Field[], given: Map<string, unknown>): void {
  const positive = token.name.replace(/^no-/, '');
  const field = known.find(({ flag }) => flag === token.name);
  const denied = known.find(({ flag, kind }) => flag === positive && kind === 'boolean');
  if (field?.kind === 'boolean') given.set(field.name, token.value === undefined ? true : boolean(token.value));
  else if (field) given.set(field.name, merge(field, given.get(field.name), value(field, token)));
  else if (denied) given.set(denied.name, false);
  else throw unknownFlag(token.rawName, known);
}

function value(field: Field, { value: typed, inlineValue }: OptionToken): string {
  if (typed === undefined || (!inlineValue && typed.startsWith('--'))) {
    throw new NeuropruneError('input', `--${field.flag}: expected ${field.expects}, got no value`);
  }
  return typed;
}

function merge(field: Field, before: unknown, typed: string): unknown {
  const isNumber = field.kind === 'number' || field.kind === 'integer';
  const item = (part: string) => (isNumber ? number(part) : part);
  if (!field.list) return item(typed);
  return [...(Array.isArray(before) ? before : []), ...typed.split(',').map((part) => item(part.trim()))];
}

/** Text that is no number stays text, for the schema to refuse with its own words. */
function number(typed: string): number | string {
  return typed.trim() === '' || Number.isNaN(Number(typed)) ? typed : Number(typed);
}

function boolean(typed: string): boolean | string {
  return typed === 'true' ? true : typed === 'false' ? false : typed;
}

/** Bare words by the options they stand for; the last one takes all that are left where it is a list. */
function bareWords(own: readonly Field[], words: readonly string[]): [string, string | readonly string[]][] {
  const names = own.filter(({ argument }) => argument !== undefined).sort((a, b) => a.argument! - b.argument!);
  const last = names.at(-1);
  if (last?.list && words.length >= names.length) {
    const single = words.slice(0, names.length - 1).map((word, i): [string, string] => [names[i]!.name, word]);
    return [...single, [last.name, words.slice(names.length - 1)]];
  }
  const extra = words[names.length];
  if (extra !== undefined) {
    const room = names.map(({ value }) => value).join(' ') || 'no bare word';
    throw new NeuropruneError('input', `${extra}: expected ${room} and flags, got one word too many`);
  }
  return words.map((word, index) => [names[index]!.name, word]);
}

function unknownFlag(flag: string, known: readonly Field[]): NeuropruneError {
  const near = closest(
    flag,
    known.map((field) => `--${field.flag}`),
  );
  const advice = near === undefined ? '; add --help for the list' : `; did you mean ${near}?`;
  return new NeuropruneError('input', `${flag}: unknown flag${advice}`);
}
