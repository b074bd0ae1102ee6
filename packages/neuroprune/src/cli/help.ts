import { type Field, fields } from '../schema/field.js';
import { type Verb, type VerbName, verbNames, verbs } from '../schema/verbs.js';
import { CommonOptions } from './common.js';

/** Help of the command: its verbs. */
export function commandHelp(): string {
  return [
    'neuroprune: prune and publish Hugging Face models in one command, without Python',
    '',
    'Usage: neuroprune VERB [options]',
    '',
    ...table(verbNames.map((name) => [name, verbs[name].summary])),
    '',
    "Run 'neuroprune VERB --help' for a verb's options; --version prints the version.",
    'Environment: HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE; NEUROPRUNE_DEBUG=1 shows stack traces.',
    'Exit codes: 0 done, 1 the job failed, 2 bad input or usage, 130 interrupted.',
  ].join('\n');
}

/** Help of one verb: usage, options and examples. */
export function verbHelp(name: VerbName): string {
  const verb: Verb = verbs[name];
  const own = fields(verb.schema);
  const words = own.filter(isArgument).map(({ value }) => ` <${value.toLowerCase()}>`);
  const flags = own.filter((field) => !isArgument(field));
  const required = flags.filter((field) => field.required).map((field) => ` ${flag(field)}`);
  return [
    verb.summary,
    '',
    `Usage: neuroprune ${name}${words.join('')}${required.join('')} [options]`,
    ...section(
      'Arguments',
      own.filter(isArgument).map((field) => [`<${field.value.toLowerCase()}>`, note(field)]),
    ),
    ...section('Options', flags.map(row)),
    ...section('Common options', fields(CommonOptions).map(row)),
    '',
    'Examples:',
    ...verb.examples.map((line) => `  neuroprune ${line}`),
  ].join('\n');
}

function isArgument(field: Field): boolean {
  return field.argument !== undefined;
}

function row(field: Field): [string, string] {
  return [flag(field), note(field)];
}

function flag({ flag: name, kind, value }: Field): string {
  return kind === 'boolean' ? `--${name}` : `--${name} ${value}`;
}

function note(field: Field): string {
  const only = Object.entries(field.with).map(([other, values]) => `${other} ${values.join(' or ')}`);
  const unset = field.default ?? field.source;
  const facts = [
    ...(field.required && !isArgument(field) ? ['required'] : []),
    ...(field.choices.length > 0 ? [field.choices.join(', ')] : []),
    ...(only.length > 0 ? [`only with ${only.join(' and ')}`] : []),
    ...(unset === undefined || unset === false ? [] : [`default: ${unset}`]),
  ];
  return field.description + (facts.length > 0 ? ` (${facts.join('; ')})` : '');
}

function section(title: string, rows: readonly [string, string][]): string[] {
  return rows.length === 0 ? [] : ['', `${title}:`, ...table(rows)];
}

function table(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
