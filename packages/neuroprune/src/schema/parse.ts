import type { z } from 'zod';
import { NeuropruneError } from '../error.js';
import { closest } from '../suggest.js';
import { type Field, fields } from './field.js';
import { type Verb, type VerbName, type VerbOptions, verbs } from './verbs.js';

/** How an option is called in messages to whoever gave it. */
export type Naming = (field: Field) => string;

/**
 * Checks what a caller gives a verb and fills in the defaults.
 * Throws an input error of one line that names every wrong option.
 */
export function parseOptions<V extends VerbName>(verb: V, input: unknown, naming: Naming = byName): VerbOptions<V> {
  const { schema }: Verb = verbs[verb];
  const known = fields(schema);
  const parsed = schema.safeParse(input);
  const complaints = parsed.success
    ? idle(known, Object(input), parsed.data, naming)
    : parsed.error.issues.map((issue) => complaint(issue, known, input, naming));
  if (complaints.length > 0) throw new NeuropruneError('input', complaints.join('; '));
  // The schema that parsed it is the one of this verb; the table's union type hides that.
  return parsed.data as VerbOptions<V>;
}

function byName(field: Field): string {
  return field.name;
}

/** Options that were given and would not act, because another option has the wrong value for them. */
function idle(
  known: readonly Field[],
  input: Readonly<Record<string, unknown>>,
  options: Readonly<Record<string, unknown>>,
  naming: Naming,
): string[] {
  return known
    .filter(({ name }) => input[name] !== undefined)
    .flatMap((field) =>
      Object.entries(field.with)
        .filter(([other, values]) => !values.includes(String(options[other])))
        .slice(0, 1)
        .map(([other, values]) => {
          const subject = naming(known.find(({ name }) => name === other)!);
          return `${naming(field)}: acts only with ${subject} ${values.join(' or ')}, got ${subject} ${options[other]}`;
        }),
    );
}

function complaint(issue: z.core.$ZodIssue, known: readonly Field[], input: unknown, naming: Naming): string {
  const field = known.find(({ name }) => name === issue.path[0]);
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownOption(key, known)).join('; ');
  if (!field) return `options: expected an object, got ${show(input)}`;
  const value = Object(input)[field.name];
  if (issue.code === 'custom') return `${naming(field)}: ${issue.message}`;
  if (value === undefined) return `${naming(field)}: required; expected ${field.expects}`;
  return `${naming(field)}: expected ${field.expects}, got ${field.secret ? 'something else' : show(value)}${hint(value, field)}`;
}

function unknownOption(key: string, known: readonly Field[]): string {
  const near = closest(
    key,
    known.map(({ name }) => name),
  );
  return `${key}: unknown option${near === undefined ? '' : `; did you mean ${near}?`}`;
}

function hint(value: unknown, { choices }: Field): string {
  const near = typeof value === 'string' ? closest(value, choices) : undefined;
  return near === undefined ? '' : `; did you mean ${near}?`;
}

function show(value: unknown): string {
  if (typeof value === 'string') return value === '' ? 'an empty text' : value;
  return JSON.stringify(value) ?? String(value);
}
