import type { GraphBuilder, OpFunctions, Value } from '@neuroprune/onnx';
import type { RuleContext, RuleTable } from '../rule.js';

/** Whether an order of axes exchanges the last two and nothing else. */
export const isMatrixTranspose = (perm: readonly number[] | undefined): boolean =>
  perm !== undefined &&
  perm.length > 1 &&
  perm.every((axis, i) => axis === (i < perm.length - 2 ? i : 2 * perm.length - 3 - i));

/** The last two axes exchanged; of what was exchanged so, the original. */
export function transposed(op: OpFunctions, x: Value): Value {
  const { producer } = x;
  const perm = producer?.opType === 'Transpose' && producer.domain === '' ? producer.attributes.perm : undefined;
  if (perm?.type === 'ints' && isMatrixTranspose(perm.value)) return producer?.inputs[0] as Value;
  const last = x.rank - 1;
  return op.Transpose(x, { perm: Array.from({ length: x.rank }, (_, i) => (i < last - 1 ? i : 2 * last - 1 - i)) });
}

/** aᵀ·g summed over all leading axes as one product of [rows, in] and [rows, out]. */
function weightGradient(builder: GraphBuilder, a: Value, g: Value): Value {
  const { op } = builder;
  const flat = (x: Value) => {
    const columns = x.shape?.at(-1);
    return x.rank === 2 || typeof columns !== 'number'
      ? op.Flatten(x, { axis: -1 })
      : op.Reshape(x, builder.ints(-1, columns));
  };
  return op.Gemm(flat(a), flat(g), { transA: 1 });
}

const product = ({ op, builder, x: [a, b], g }: RuleContext<'MatMul'>): [Value, Value] => {
  if (a.rank === 2 && b.rank === 2) return [op.Gemm(g, b, { transB: 1 }), op.Gemm(a, g, { transA: 1 })];
  const forB = b.rank === 2 ? weightGradient(builder, a, g) : op.MatMul(transposed(op, a), g);
  return [op.MatMul(g, transposed(op, b)), forB];
};

/** Products of matrices. */
export const linalg: RuleTable<'Gemm' | 'MatMul'> = {
  // y = alpha·A·B + beta·C with A = aᵀ, B = bᵀ as the attributes say: dA = alpha·g·Bᵀ, dB = alpha·Aᵀ·g.
  Gemm: ({ op, x: [a, b, c], g, attrs: { alpha = 1, beta = 1, transA = 0, transB = 0 } }) => [
    transA ? op.Gemm(b, g, { alpha, transA: transB, transB: 1 }) : op.Gemm(g, b, { alpha, transB: 1 - transB }),
    transB ? op.Gemm(g, a, { alpha, transA: 1, transB: transA }) : op.Gemm(a, g, { alpha, transA: 1 - transA }),
    c && (beta === 1 ? g : op.Mul(g, beta)),
  ],
  MatMul: (c) => {
    const { op, builder, x, g } = c;
    const [row, column] = [x[0].rank === 1, x[1].rank === 1];
    if (!row && !column) return product(c);
    // A vector stands for a matrix of one row (left) or one column (right).
    const a = row ? op.Unsqueeze(x[0], builder.ints(0)) : x[0];
    const b = column ? op.Unsqueeze(x[1], builder.ints(1)) : x[1];
    const wide = column ? op.Unsqueeze(g, builder.ints(-1)) : g;
    const [da, db] = product({ ...c, x: [a, b], g: row ? op.Unsqueeze(wide, builder.ints(-2)) : wide });
    return [row ? op.Squeeze(da, builder.ints(-2)) : da, column ? op.Squeeze(db, builder.ints(-1)) : db];
  },
};
