import { ops } from '@neuroprune/onnx';
import { describe, expect, it } from 'vitest';
import { controlFlow, nonDifferentiable, pending } from './lists.js';
import { rules } from './rules/rules.js';

const names = (list: object): string[] => Object.keys(list);

describe('the lists of operators', () => {
  it('hold each operator of the table once, in a list or with a rule', () => {
    const all = [nonDifferentiable, controlFlow, pending, rules].flatMap(names);
    expect(all.sort()).toEqual(names(ops).sort());
  });

  it('leave as many pending as this says: lower the number with the list', () => {
    expect(names(pending)).toHaveLength(68);
  });

  it('leave nothing pending that transformers need', () => {
    const needed =
      'Add Sub Mul Div Neg Abs Sqrt Reciprocal Exp Log Pow Erf Sin Cos Tanh Sigmoid Softplus Relu Gelu HardSigmoid Clip ' +
      'Min Max Where Gemm MatMul Einsum Transpose Reshape Squeeze Unsqueeze Flatten Expand Concat Split Slice Pad Tile ' +
      'Trilu Gather GatherElements GatherND ScatterElements ScatterND TopK CumSum Cast Identity Dropout ReduceSum ' +
      'ReduceMean ReduceMax ReduceMin ReduceL1 ReduceL2 ReduceLogSumExp ReduceSumSquare Softmax LogSoftmax ' +
      'SoftmaxCrossEntropyLoss NegativeLogLikelihoodLoss LayerNormalization';
    expect(needed.split(' ').filter((name) => !Object.hasOwn(rules, name))).toEqual([]);
  });
});
