/** Distillation: a teacher's outputs, computed beforehand, come with the batch. */
import type { GraphBuilder, Value } from '@neuroprune/onnx';
import { AutodiffError, demand } from './errors.js';

/** What a student learns from its teacher besides the labels. */
export interface DistillOptions {
  /** α: the objective is (1-α)·loss + α·T²·KL(teacher ‖ student) with both softened by T (Hinton et al. 2015). */
  readonly weight?: number;
  /** T; 1 by default. */
  readonly temperature?: number;
  /** Values [batch, sequence, d] or [batch·sequence, d] of the model by name, and the weight of their mean squared difference. */
  readonly hidden?: Readonly<Record<string, number>>;
}

/** Names of inputs that hold what the teacher says start so; `teacher.logits`, `teacher.<hidden value>`. */
export const TEACHER = 'teacher.';

/** What distillation builds on. */
interface Student {
  /** The loss against the labels. */
  readonly own: Value;
  /** Logits [batch, classes], or [batch, sequence, vocabulary] of a loss over tokens. */
  readonly output: Value;
  /** [batch]: 1 counts. */
  readonly weights: Value;
  /** [batch·sequence]: what each token counts, of a loss over tokens. */
  readonly counts: () => Value | undefined;
  readonly find: (name: string) => Value;
}

/** The whole objective, and the inputs `teacher.…` that it adds to the batch. */
export function distillation(
  builder: GraphBuilder,
  student: Student,
  { weight = 0, temperature = 1, hidden = {} }: DistillOptions,
): { readonly value: Value; readonly inputs: readonly string[] } {
  demand(weight >= 0 && weight <= 1, 'distill.weight', 'a share in [0, 1]', weight);
  demand(temperature > 0 && Number.isFinite(temperature), 'distill.temperature', 'a number above 0', temperature);
  for (const [name, factor] of Object.entries(hidden))
    demand(factor > 0 && Number.isFinite(factor), `distill.hidden['${name}']`, 'a weight above 0', factor);
  demand(weight > 0 || Object.keys(hidden).length > 0, 'distill', 'a weight above 0 or hidden values', 'neither');
  const { op } = builder;
  const soft = weight > 0 ? logitsTerm(builder, student, temperature) : undefined;
  const start = soft ? op.Add(op.Mul(student.own, 1 - weight), op.Mul(soft.value, weight)) : student.own;
  const terms = Object.entries(hidden).map(([name, factor]) => ({ ...hiddenTerm(builder, student, name), factor }));
  return {
    value: terms.reduce((sum, { value, factor }) => op.Add(sum, op.Mul(value, factor)), start),
    inputs: [...(soft ? [soft.input] : []), ...terms.map(({ input }) => input)],
  };
}

/** T²·Σ p·(log p - log q) over classes or words, mean over the rows or tokens that count. */
function logitsTerm(builder: GraphBuilder, { output, weights: ofRows, counts }: Student, temperature: number) {
  const { op } = builder;
  const classes = output.shape?.at(-1);
  const ofTokens = output.rank === 3 ? counts() : undefined;
  demand(
    output.rank === 2 || ofTokens !== undefined,
    'distill.weight',
    'a model with logits [batch, classes]',
    `[${output.shape}]`,
  );
  const weights = ofTokens ?? ofRows;
  const input = `${TEACHER}logits`;
  const given = builder.input(input, 'float32', output.shape ?? []);
  const flat = (x: Value) => (ofTokens ? op.Reshape(x, builder.ints(-1, Number(classes))) : x);
  const axis = builder.ints(1);
  const logSoftmax = (x: Value) => {
    const below = op.Sub(x, op.ReduceMax(x, axis, { keepdims: 1 }));
    return op.Sub(below, op.Log(op.ReduceSum(op.Exp(below), axis, { keepdims: 1 })));
  };
  const [p, q] = [given, output].map((x) => logSoftmax(op.Mul(flat(x), 1 / temperature))) as [Value, Value];
  const rows = op.ReduceSum(op.Mul(op.Exp(p), op.Sub(p, q)), axis, { keepdims: 0 });
  const sum = (v: Value) => op.ReduceSum(v, undefined, { keepdims: 0 });
  const mean = op.Div(sum(op.Mul(rows, weights)), op.Max([sum(weights), 1e-12]));
  return { value: op.Mul(mean, temperature ** 2), input };
}

/** The sequence that a value [batch·sequence, d] is of: another than that of the first input where it is made of one with another. */
function sequenceOf(builder: GraphBuilder, value: Value): { readonly axis: string; readonly own: boolean } {
  const made = new Set<Value>();
  const visit = [value];
  for (let next = visit.pop(); next; next = visit.pop()) {
    if (made.has(next)) continue;
    made.add(next);
    for (const input of next.producer?.inputs ?? []) if (input) visit.push(input);
  }
  const axes = builder.graph.inputs.flatMap((input) =>
    input.shape?.length === 2 && typeof input.shape[1] === 'string' ? [{ input, axis: input.shape[1] }] : [],
  );
  const main = axes[0]?.axis ?? 'sequence';
  const other = axes.find(({ input, axis }) => axis !== main && made.has(input));
  return { axis: other?.axis ?? main, own: other === undefined };
}

/** Mean of (student - teacher)² over the elements of tokens that count: attended ones of rows that do, or those with a label. */
function hiddenTerm(builder: GraphBuilder, { weights, counts: labelled, find }: Student, name: string) {
  const { op } = builder;
  const value = find(name);
  const width = value.shape?.at(-1);
  if (typeof width !== 'number')
    throw new AutodiffError(`distill: expected '${name}' with a last axis of known extent, got [${value.shape}]`);
  const input = `${TEACHER}${name}`;
  const { axis, own } = sequenceOf(builder, value);
  const teacher = builder.input(input, 'float32', ['batch', axis, width]);
  const flat = builder.ints(-1, width);
  const difference = op.Sub(op.Reshape(value, flat), op.Reshape(teacher, flat));
  const tokens = op.ReduceMean(op.Mul(difference, difference), builder.ints(1), { keepdims: 0 }); // [B·S]
  const mask = builder.graph.inputs.find((v) => v.name === 'attention_mask');
  const perRow = op.Unsqueeze(weights, builder.ints(1));
  const attended = () =>
    mask && own ? op.Mul(op.Cast(mask, { to: 1 }), perRow) : op.Expand(perRow, op.Shape(teacher, { start: 0, end: 2 }));
  const counted = op.Reshape((own ? undefined : labelled()) ?? attended(), builder.ints(-1));
  const sum = (v: Value) => op.ReduceSum(v, undefined, { keepdims: 0 });
  return { value: op.Div(sum(op.Mul(tokens, counted)), op.Max([sum(counted), 1e-12])), input };
}
