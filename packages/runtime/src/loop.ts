/**
 * Many training steps in one `run()`: the step graph becomes the body of an ONNX `Loop`. State is loop-carried, the
 * batches of all steps lie flat one after another (their lengths differ), scalars are vectors with one number a step,
 * and results come back as vectors. Names of the outer graph start with `loop.`, so that the step keeps its own.
 */
import {
  type Attribute,
  codeOf,
  type Graph,
  GraphBuilder,
  type Model,
  modelOf,
  Node,
  type StepSignature,
  setStepSignature,
  stateOf,
  stepSignature,
  type Value,
} from '@neuroprune/onnx';
import { RuntimeError } from './errors.js';

/**
 * Begin of the names of nodes that say where a step's batch lies. A GPU's provider would take them too, and then wait for all that is
 * under way to bring their results back: `ortOptions` keeps them on the host.
 */
export const ON_HOST = 'on_host.';

/** Name of a step graph's input or output in the loop around it. */
export const outerName = (name: string): string => `loop.${name}`;

/** Vectors that say where each step's batch lies in the flat arrays, and `steps`, their length. */
export const stagingInputs = {
  steps: outerName('steps'),
  rows: outerName('rows'),
  rowOffsets: outerName('row_offsets'),
} as const;

/** Vectors that say where each step's tokens lie along an axis; that of the batch itself has no name. */
export const stagingOf = (axis: string | undefined) => {
  const along = (name: string) => outerName(axis === undefined ? name : `${name}.${axis}`);
  return { lengths: along('lengths'), tokenOffsets: along('token_offsets') };
};

/** The axes of sequences of a step graph, that of the batch first. */
export const axesOf = ({ batch }: StepSignature): (string | undefined)[] => [
  ...new Set([undefined, ...batch.map(({ axis }) => axis)]),
];

/** A loop over a step graph made by `trainable`; the step's graph moves into the body and must not be used again. */
export function loopOf(step: Model): Model {
  const signature = stepSignature(step);
  const outer = new GraphBuilder();
  outer.reserve(step.graph);
  const body = new LoopBody(step.graph, signature, outer);
  const state = stateOf(signature).map(({ input, dims }) => outer.input(outerName(input), 'float32', dims));
  const results = outer.apply('Loop', [body.staged.steps, undefined, ...state], { body: body.graph });
  for (const [i, name] of body.outputNames.entries()) outer.output(results[i] as Value, outerName(name));
  const { opsets, irVersion } = step;
  return setStepSignature({ ...modelOf(outer.graph), opsets: { ...opsets }, irVersion }, signature);
}

/** A part of a flat array, and the shape it takes. */
interface Span {
  readonly start: Value;
  readonly end: Value;
  readonly extents: Value;
}

/** Builds the body: cuts this step's batch and scalars out of the staged arrays, then the step's own nodes. */
class LoopBody {
  readonly graph: Graph;
  readonly outputNames: readonly string[];
  readonly staged: { [K in keyof typeof stagingInputs]: Value };
  private readonly body: GraphBuilder;
  private readonly iteration: Value;

  constructor(
    private readonly step: Graph,
    signature: StepSignature,
    private readonly outer: GraphBuilder,
  ) {
    this.body = outer.subgraph('step');
    this.iteration = this.body.input('iteration', 'int64', []);
    const running = this.body.input('running', 'bool', []);
    this.staged = {
      steps: outer.input(stagingInputs.steps, 'int64', []),
      rows: outer.input(stagingInputs.rows, 'int64', ['steps']),
      rowOffsets: outer.input(stagingInputs.rowOffsets, 'int64', ['steps']),
    };
    this.cutBatch(signature);
    for (const name of signature.scalars) this.cutScalar(name);
    const carried = stateOf(signature);
    this.outputNames = [...carried.map((s) => s.output), ...signature.results];
    this.graph = {
      name: 'step',
      inputs: [this.iteration, running, ...carried.map((s) => find(step.inputs, s.input))],
      outputs: [onHost(this.body.op.Identity(running)), ...this.outputNames.map((name) => find(step.outputs, name))],
      initializers: [...this.body.graph.initializers, ...step.initializers],
      nodes: [...this.body.graph.nodes, ...step.nodes],
    };
  }

  /** The number of this step in a vector over all steps. */
  private now(vector: Value): Value {
    return this.body.op.Gather(vector, this.iteration, { axis: 0 });
  }

  /** Makes the step's own input the result of a node in the body. */
  private feed(name: string, opType: string, inputs: Value[], attributes: Record<string, Attribute> = {}): void {
    this.body.graph.nodes.push(new Node(opType, inputs, [find(this.step.inputs, name)], attributes));
  }

  /** Extents of an input of fixed shape: computed ones, shared by several, break ONNX Runtime's fusion of two reshapes. */
  private fixed(name: string): Value | undefined {
    const { shape } = find(this.step.inputs, name);
    return shape?.every((d) => typeof d === 'number') ? this.body.ints(...(shape as readonly number[])) : undefined;
  }

  private cutScalar(name: string): void {
    const all = this.outer.input(outerName(name), 'float32', ['steps']);
    this.feed(name, 'Gather', [all, this.iteration], { axis: { type: 'int', value: 0 } });
  }

  private cutBatch(signature: StepSignature): void {
    const { op } = this.body;
    const first = this.body.ints(0);
    const now = (vector: Value) => onHost(op.Unsqueeze(onHost(this.now(vector)), first));
    const rows = now(this.staged.rows);
    const rowStart = now(this.staged.rowOffsets);
    const ofRows: Span = { start: rowStart, end: onHost(op.Add(rowStart, rows)), extents: rows };
    const ofTokens = new Map(axesOf(signature).map((axis) => [axis, this.tokenSpan(axis, rows, now)]));
    for (const { name, dtype, rank, width, axis } of signature.batch) {
      const tokens = axis === undefined ? 'tokens' : `tokens_of_${axis}`;
      const staged = this.outer.input(outerName(name), dtype === 'int64' ? 'int32' : dtype, [
        width === undefined ? (rank === 2 ? tokens : 'all_rows') : `all_of_${name}`,
      ]);
      const { start, end, extents } = rank === 1 ? ofRows : (ofTokens.get(axis) as Span);
      const times = (at: Value) => (width === undefined ? at : onHost(op.Mul(at, this.body.ints(width))));
      const dims =
        this.fixed(name) ??
        (width === undefined ? extents : onHost(op.Concat([extents, this.body.ints(width)], { axis: 0 })));
      const cut = op.Slice(staged, times(start), times(end), first);
      const own = dtype === 'int64' ? op.Cast(cut, { to: codeOf('int64') }) : cut;
      if (rank === 1 && width === undefined) this.feed(name, 'Identity', [own]);
      else this.feed(name, 'Reshape', [own, dims]);
    }
  }

  /** Where this step's tokens lie along an axis. */
  private tokenSpan(axis: string | undefined, rows: Value, now: (vector: Value) => Value): Span {
    const { op } = this.body;
    const { lengths, tokenOffsets } = stagingOf(axis);
    const length = now(this.outer.input(lengths, 'int64', ['steps']));
    const start = now(this.outer.input(tokenOffsets, 'int64', ['steps']));
    const end = onHost(op.Add(start, onHost(op.Mul(rows, length))));
    return { start, end, extents: onHost(op.Concat([rows, length], { axis: 0 })) };
  }
}

function onHost(value: Value): Value {
  const { producer } = value;
  if (producer) producer.name = `${ON_HOST}${value.name}`;
  return value;
}

function find(values: readonly Value[], name: string): Value {
  const value = values.find((v) => v.name === name);
  if (!value) throw new RuntimeError(`step graph: expected '${name}' as its signature says, got none`);
  return value;
}
