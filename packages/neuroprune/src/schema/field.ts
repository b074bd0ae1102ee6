import { z } from 'zod';

type Scalar = 'number' | 'integer' | 'boolean' | 'text' | 'choice';

/** One option of a verb as plain data, read from its schema. */
export interface Field {
  /** Name in the schema, camelCase. */
  readonly name: string;
  /** Name on the command line without dashes, kebab-case. */
  readonly flag: string;
  readonly kind: Scalar;
  /** Whether several values may be given. */
  readonly list: boolean;
  readonly description: string;
  /** What stands for the value in help. */
  readonly value: string;
  /** What a value must be, as a phrase that follows "expected". */
  readonly expects: string;
  readonly choices: readonly string[];
  readonly required: boolean;
  readonly default?: unknown;
  /** Where the value comes from when none is given and there is no default. */
  readonly source?: string;
  /** Position among the bare words of the command line. */
  readonly argument?: number;
  /** Other options and the values of theirs under which alone this one acts. */
  readonly with: Readonly<Record<string, readonly string[]>>;
  /** Whether values must not be repeated in messages. */
  readonly secret: boolean;
}

interface Property {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly const?: unknown;
  readonly anyOf?: readonly Property[];
  readonly items?: Property;
  readonly description?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly 'x-value'?: string;
  readonly 'x-default'?: string;
  readonly 'x-with'?: Readonly<Record<string, readonly string[]>>;
  readonly 'x-secret'?: boolean;
  readonly $default?: { readonly index: number };
}

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, Property>>;
  readonly required?: readonly string[];
}

/** JSON schema of what a verb takes, draft 7, as generated files and other tools read it. */
export function jsonSchema(schema: z.ZodType): Record<string, unknown> {
  return z.toJSONSchema(schema, { io: 'input', target: 'draft-07' });
}

/** Options of a schema in the order in which it declares them. */
export function fields(schema: z.ZodObject): readonly Field[] {
  // The generator of JSON schemas types its output loosely; the schemas of this package only use what Property names.
  const { properties = {}, required = [] } = jsonSchema(schema) as ObjectSchema;
  return Object.entries(properties).map(([name, property]) => field(name, property, required.includes(name)));
}

/** Name of an option on the command line: `maxSteps` → `max-steps`. */
export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function field(name: string, property: Property, required: boolean): Field {
  const list = property.anyOf?.some(({ type }) => type === 'array') ?? false;
  const scalar = property.anyOf?.find(({ type }) => type !== 'array') ?? property;
  const kind = kindOf(scalar);
  return {
    name,
    flag: kebab(name),
    kind,
    list,
    description: property.description ?? '',
    value: property['x-value'] ?? placeholders[kind],
    expects: list ? listed(scalar, property) : oneOf(expectation(kind, { ...scalar, ...property }), property),
    choices: scalar.enum ?? [],
    required,
    with: property['x-with'] ?? {},
    secret: property['x-secret'] ?? false,
    ...('default' in property ? { default: property.default } : {}),
    ...(property['x-default'] === undefined ? {} : { source: property['x-default'] }),
    ...(property.$default ? { argument: property.$default.index } : {}),
  };
}

const placeholders: Readonly<Record<Scalar, string>> = {
  number: 'X',
  integer: 'N',
  boolean: '',
  text: 'TEXT',
  choice: 'NAME',
};

function kindOf({ type, enum: choices }: Property): Scalar {
  if (choices) return 'choice';
  return type === 'number' || type === 'integer' || type === 'boolean' ? type : 'text';
}

function expectation(kind: Scalar, property: Property): string {
  switch (kind) {
    case 'number':
      return `a number${range(property)}`;
    case 'integer':
      return `a whole number${range(property)}`;
    case 'boolean':
      return 'true or false';
    case 'choice':
      return `one of ${(property.enum ?? []).join(', ')}`;
    case 'text':
      return property['x-value'] ?? 'text';
  }
}

const listed = ({ enum: choices }: Property, property: Property): string =>
  choices ? `one or more of ${choices.join(', ')}` : (property['x-value'] ?? 'one or more texts');

/** With the words that may stand in the place of another value. */
const oneOf = (expected: string, { anyOf = [] }: Property): string =>
  [expected, ...anyOf.flatMap(({ const: word }) => (word === undefined ? [] : [String(word)]))].join(' or ');

function range({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Property): string {
  const high = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum; // zod's own bound of every whole number
  if (exclusiveMinimum !== undefined && exclusiveMaximum !== undefined) {
    return ` between ${exclusiveMinimum} and ${exclusiveMaximum}`;
  }
  if (minimum !== undefined && high !== undefined) return ` from ${minimum} to ${high}`;
  if (minimum !== undefined && exclusiveMaximum !== undefined) return ` from ${minimum} to below ${exclusiveMaximum}`;
  if (exclusiveMinimum !== undefined) return ` above ${exclusiveMinimum}`;
  return minimum === undefined ? '' : ` of at least ${minimum}`;
}
