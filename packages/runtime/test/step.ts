import {
  float32,
  GraphBuilder,
  type Model,
  modelOf,
  type Stack,
  type StepSignature,
  setStepSignature,
  sizeOf,
  slotInput,
  slotOutput,
  stackDims,
  type Tensor,
  type Value,
} from '@neuroprune/onnx';
import type { Batch } from '../src/batch.js';

/** Words of the vocabulary. */
const WORDS = 12;

const stacks: readonly Stack[] = [
  { name: 'words', members: ['small', 'large'], shape: [WORDS], slots: ['w', 'm'], masked: false },
  { name: 'bias', members: ['bias'], shape: [1], slots: ['w', 'm'], masked: false },
];

const signature: StepSignature = {
  stacks,
  copies: [],
  variables: [],
  batch: [
    { name: 'input_ids', dtype: 'int64', rank: 2 },
    { name: 'attention_mask', dtype: 'int32', rank: 2 },
    { name: 'labels', dtype: 'float32', rank: 1 },
    { name: 'weights', dtype: 'float32', rank: 1 },
  ],
  scalars: ['lr', 'momentum'],
  results: ['loss', 'tokens'],
};

/**
 * One step of a bag of words by gradient descent with momentum: y = bias + Σ over a row's words of small[id] + large[id],
 * loss = Σ weight·(y − label)² / Σ weight. Its gradient is written out, for this package knows no autodiff.
 */
export function stepModel(): Model {
  const builder = new GraphBuilder();
  const { op } = builder;
  const input = ({ name, dtype, rank }: StepSignature['batch'][number]) =>
    builder.input(name, dtype, ['batch', 'sequence'].slice(0, rank));
  const [ids, mask, labels, weights] = signature.batch.map(input) as [Value, Value, Value, Value];
  const [lr, momentum] = signature.scalars.map((name) => builder.input(name, 'float32', [])) as [Value, Value];
  const state = new Map(
    stacks.flatMap((stack) =>
      stack.slots.map((slot) => {
        const name = slotInput(stack, slot);
        return [name, builder.input(name, 'float32', stackDims(stack))] as const;
      }),
    ),
  );
  const words = state.get('words.w')!;
  const real = op.Cast(mask, { to: 1 });
  const values = op.Gather(op.ReduceSum(words, builder.ints(0), { keepdims: 0 }), ids, { axis: 0 });
  const rows = op.ReduceSum(op.Mul(values, real), builder.ints(1), { keepdims: 0 });
  const error = op.Sub(op.Add(rows, state.get('bias.w')!), labels); // [B]
  const share = op.Div(weights, op.ReduceSum(weights, undefined, { keepdims: 0 }));
  const weighted = op.Mul(error, share);
  builder.output(op.ReduceSum(op.Mul(weighted, error), undefined, { keepdims: 0 }), 'loss');
  builder.output(op.ReduceSum(real, undefined, { keepdims: 0 }), 'tokens');

  const flat = builder.ints(-1);
  const perToken = op.Mul(op.Mul(op.Unsqueeze(weighted, builder.ints(1)), real), 2);
  const perWord = op.ScatterElements(
    builder.constant(float32(new Float32Array(WORDS))),
    op.Reshape(ids, flat),
    op.Reshape(perToken, flat),
    { axis: 0, reduction: 'add' },
  );
  const gradients = {
    words: op.Expand(perWord, builder.ints(2, WORDS)),
    bias: op.Reshape(op.Mul(op.ReduceSum(weighted, undefined, { keepdims: 0 }), 2), flat),
  };
  for (const [name, gradient] of Object.entries(gradients)) {
    const m = op.Add(op.Mul(state.get(`${name}.m`)!, momentum), gradient);
    builder.output(op.Sub(state.get(`${name}.w`)!, op.Mul(m, lr)), `${name}.w.next`);
    builder.output(m, `${name}.m.next`);
  }
  return setStepSignature(modelOf(builder.graph), signature);
}

/** A first state of that step: weights of both signs, no momentum. */
export function firstState(): Map<string, Tensor> {
  return new Map(
    stacks.flatMap((stack) =>
      stack.slots.map((slot) => {
        const dims = stackDims(stack);
        const values = Float32Array.from({ length: sizeOf(dims) }, (_, i) => (slot === 'w' ? Math.sin(3 * i + 1) : 0));
        return [slotInput(stack, slot), float32(values, dims)] as const;
      }),
    ),
  );
}

/** State inputs of that step and the outputs that follow them. */
export const carried = stacks.flatMap((stack) =>
  stack.slots.map((slot) => [slotInput(stack, slot), slotOutput(stack, slot)] as const),
);

/** Batches of these rows and lengths; a row's last tokens are padding, the last row of each batch is filler. */
export const batchesOf = (shapes: readonly (readonly [rows: number, length: number])[]): Batch[] =>
  shapes.map(([rows, length], b) => {
    const cells = Array.from({ length: rows * length }, (_, i) => ({ row: Math.floor(i / length), at: i % length }));
    const mask = cells.map(({ row, at }) => Number(at < Math.max(1, length - (row % 3))));
    return {
      rows,
      length,
      inputs: {
        input_ids: Int32Array.from(cells, ({ row, at }) => (5 * row + 7 * at + b) % WORDS),
        attention_mask: Int32Array.from(mask),
      },
      labels: Float32Array.from({ length: rows }, (_, row) => Math.cos(row + b)),
      weights: Float32Array.from({ length: rows }, (_, row) => Number(row < rows - 1 || rows === 1)),
      tokens: mask.reduce((a, c) => a + c, 0),
    };
  });
