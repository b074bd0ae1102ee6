import { expect, test } from 'vitest';
import { z } from 'zod';
import { fields, kebab } from './field.js';
import { verbNames, verbs } from './verbs.js';

const describe = (type: z.ZodType) => fields(z.strictObject({ some: type }))[0]!;

test.each([
  [z.number().gt(0).lt(1), 'number', 'a number between 0 and 1'],
  [z.number().gt(0), 'number', 'a number above 0'],
  [z.number().min(0), 'number', 'a number of at least 0'],
  [z.number().min(0).lt(1), 'number', 'a number from 0 to below 1'],
  [z.int(), 'integer', 'a whole number of at least -9007199254740991'],
  [z.int().min(1), 'integer', 'a whole number of at least 1'],
  [z.int().min(0).max(9), 'integer', 'a whole number from 0 to 9'],
  [z.boolean().default(false), 'boolean', 'true or false'],
  [z.enum(['a', 'b']).optional(), 'choice', 'one of a, b'],
  [z.string(), 'text', 'text'],
  [z.string().meta({ 'x-value': 'DIR' }), 'text', 'DIR'],
  [z.union([z.enum(['a', 'b']), z.array(z.enum(['a', 'b']))]), 'choice', 'one or more of a, b'],
])('type %# is of kind %s and expects %s', (type, kind, expects) => {
  expect(describe(type)).toMatchObject({ kind, expects });
});

test.each([
  ['maxSteps', 'max-steps'],
  ['lr', 'lr'],
  ['multipartMb', 'multipart-mb'],
])('%s is --%s on the command line', (name, flag) => {
  expect(kebab(name)).toBe(flag);
});

test.each(verbNames)('every option of %s is described, and its conditions name options and their values', (verb) => {
  const known = fields(verbs[verb].schema);
  for (const { description, with: conditions } of known) {
    expect(description).toMatch(/^[A-Z].*[^.]$/);
    for (const [other, values] of Object.entries(conditions)) {
      const by = known.find(({ name }) => name === other);
      expect(by?.kind === 'boolean' ? ['true', 'false'] : by?.choices).toEqual(expect.arrayContaining([...values]));
    }
  }
});

test.each(verbNames)('bare words of %s count up from the first', (verb) => {
  const positions = fields(verbs[verb].schema).flatMap(({ argument }) => argument ?? []);
  expect(positions).toEqual(positions.map((_, index) => index));
});
