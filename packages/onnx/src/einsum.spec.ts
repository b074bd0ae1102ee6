import { describe, expect, it } from 'vitest';
import { readEquation } from './einsum.js';

describe('the equation of Einsum', () => {
  it.each<[string, number[], string[], string]>([
    ['ij,jk->ik', [2, 2], ['ij', 'jk'], 'ik'],
    [' b i j , b j k -> b i k ', [3, 3], ['bij', 'bjk'], 'bik'],
    ['ba', [2], ['ba'], 'ab'], // the letters that come once, in order
    ['ij,jk', [2, 2], ['ij', 'jk'], 'ik'],
    ['ii', [2], ['ii'], ''],
    ['...ij,...jk', [4, 3], ['ABij', 'Bjk'], 'ABik'], // aligned on the right
    ['...ij,...j->...i', [2, 1], ['ij', 'j'], 'i'],
    ['A...->...A', [3], ['ABC'], 'BCA'], // letters of its own stay apart
    [',i', [0, 1], ['', 'i'], 'i'],
    ['->', [0], [''], ''],
  ])('%s of ranks %j', (equation, ranks, operands, result) => {
    expect(readEquation(equation, ranks)).toEqual({ operands, result });
  });

  it.each<[string, number[], string]>([
    ['ij->ji->ij', [2], 'letters, `...`, `,` and one `->`'],
    ['i.j', [2], 'letters, `...`, `,` and one `->`'],
    ['......', [2], 'letters, `...`, `,` and one `->`'],
    ['i1->i', [2], 'letters, `...`, `,` and one `->`'],
    ['...->', [2], '`...` on both sides of `->` or none'],
    ['i->...', [1], '`...` on both sides of `->` or none'],
    ['ij', [2, 2], 'one term an operand'],
    ['ij->i', [3], "'ij' to name every axis"],
    ['i...jk', [2], "'i...jk' to name every axis"],
    ['ij->ik', [2], "every letter of the result in an operand, not 'k'"],
    ['ij->ii', [2], 'no letter twice in the result'],
    ['...->...', [60], 'at most 52 different axes'],
  ])('%s of ranks %j is refused', (equation, ranks, expected) => {
    expect(() => readEquation(equation, ranks)).toThrow(
      `Einsum '${equation}': expected ${expected}; operands have ranks ${ranks.join(', ')}`,
    );
  });
});
