import { expect, test } from 'vitest';
import { measure } from './measure.js';

const source = `import { a } from './a.js'; // not a comment line

/**
 * Documented.
 */
export function first(x: number): number {
  // why
  const inner = (y: number) => {
    return y;
  };
  return inner(x);
}

export const second = { run: () => a, third() {} };

/** Documented. */
export interface Shape {
  readonly side: number;
}

/* no doc comment */
export class Box {
  open(): void {}
  readonly close = () => {};
}

export { a };
`;

test('lines, comments, functions and exports of a file', () => {
  expect(measure('a.ts', source)).toEqual({
    file: 'a.ts',
    lines: 27,
    filled: 22,
    comments: 6,
    functions: [
      { name: 'first', lines: 7 },
      { name: 'inner', lines: 3 },
      { name: 'run', lines: 1 },
      { name: 'third', lines: 1 },
      { name: 'open', lines: 1 },
      { name: 'close', lines: 1 },
    ],
    exports: 4,
    undocumented: ['second', 'Box'],
  });
});

test('a doc comment belongs to what follows it directly', () => {
  const text = '/** Of a. */\nconst a = 1;\nexport const b = a;\n';
  expect(measure('b.ts', text).undocumented).toEqual(['b']);
});

test('a type that goes by the name of a documented value needs no comment of its own', () => {
  const text = '/** Of both. */\nexport const a = 1;\nexport type a = number;\n';
  expect(measure('c.ts', text)).toMatchObject({ exports: 1, undocumented: [] });
});

test('a file that does not parse is named', () => {
  expect(() => measure('broken.ts', 'const = 1')).toThrow('broken.ts: ');
});
