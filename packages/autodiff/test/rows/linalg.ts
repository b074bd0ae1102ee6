import type { einsum } from '../../src/rules/einsum.js';
import type { linalg } from '../../src/rules/linalg.js';
import { full, type Row, type Rows, real } from './row.js';

const gemm = (a: number[], b: number[], attributes: object, c?: number[]): Row => ({
  inputs: [real(a), real(b), ...(c ? [real(c)] : [])],
  build: (op, [x, y, z]) => op.Gemm(x!, y!, z, attributes),
});
const matmul = (a: number[], b: number[]): Row => ({
  inputs: [real(a), real(b)],
  build: (op, [x, y]) => op.MatMul(x!, y!),
});
const summed = (equation: string, ...dims: number[][]): Row => ({
  inputs: dims.map((d) => real(d)),
  build: (op, x) => op.Einsum(x, { equation }),
});

/** Rows of products. */
export const linalgRows: Rows<keyof typeof linalg | keyof typeof einsum> = {
  Einsum: [
    summed('ij,jk->ik', [2, 3], [3, 4]),
    summed('bhid, bhjd -> bhij', [2, 1, 3, 2], [2, 1, 4, 2]),
    summed('...ij,...jk', [2, 1, 3, 2], [1, 2, 2, 3]), // broadcasting
    summed('bi,bi->b', [1, 3], [2, 3]), // letters broadcast too
    summed('i,j', [2], [3]),
    summed('i,i->', [3], [3]),
    summed('ij->', [2, 3]),
    summed('ijk->ki', [2, 3, 1]),
    summed('ij,k->i', [2, 3], [2]), // j and k are summed over alone
    summed('ii->i', [3, 3]),
    summed('ii', [3, 3]),
    summed('bii,bj->ij', [2, 3, 3], [2, 4]),
    summed('...ii->...i', [2, 3, 3]),
    summed('iji,jj->j', [2, 3, 2], [3, 3]),
    summed(',ij->ij', [], [2, 3]),
    summed(',->', [], []),
    summed('->', []),
    summed('a...,...b,c->...ca', [2, 3], [3, 2], [2]),
    summed('ij,jk,kl->il', [2, 3], [3, 2], [2, 4]),
    { inputs: [real([2, 2])], build: (op, [x]) => op.Einsum([x!, x!], { equation: 'ij,jk->ik' }) },
    ...(full
      ? [
          summed('b...d,bd->b...', [2, 3, 1, 2], [2, 2]),
          summed('BHLD,BHSD->BHLS', [1, 2, 3, 2], [1, 2, 2, 2]),
          summed('zyx', [2, 3, 2]),
          summed('iii->i', [2, 2, 2]),
          summed('...->...', [2, 1]),
        ]
      : []),
  ],
  Gemm: [
    gemm([2, 3], [3, 4], {}),
    gemm([2, 3], [3, 4], { alpha: 0.5, beta: 2 }, [4]),
    gemm([3, 2], [3, 4], { transA: 1, alpha: 1.5 }, [2, 1]),
    gemm([2, 3], [4, 3], { transB: 1 }, []),
    gemm([3, 2], [4, 3], { transA: 1, transB: 1, alpha: -1, beta: -0.5 }, [2, 4]),
    gemm([1, 3], [4, 3], { transB: 1 }, [1, 4]),
    gemm([2, 1], [1, 1], { beta: 3 }, [1]),
  ],
  MatMul: [
    matmul([2, 3], [3, 4]),
    matmul([2, 2, 3], [3, 4]),
    matmul([2, 2, 2, 3], [2, 2, 3, 4]),
    matmul([2, 1, 2, 3], [2, 3, 4]),
    matmul([2, 3], [2, 3, 4]),
    matmul([3], [3]),
    matmul([3], [3, 4]),
    matmul([2, 3], [3]),
    matmul([3], [2, 3, 4]),
    matmul([2, 2, 3], [3]),
    ...(full
      ? [matmul([1], [1]), matmul([1, 2, 1, 3], [3, 1, 3, 1]), matmul([3], [2, 1, 3, 2]), matmul([1, 1], [2, 1, 1])]
      : []),
  ],
};
