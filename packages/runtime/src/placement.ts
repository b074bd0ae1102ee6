/** Where ONNX Runtime ran a node, and over what, as its profile says. */
export interface PlacedNode {
  readonly name: string;
  readonly opType: string;
  /** `CPUExecutionProvider` and the like. */
  readonly provider: string;
  readonly inputs: readonly PlacedTensor[];
  readonly outputs: readonly PlacedTensor[];
}

/** Type (in ONNX Runtime's words: `float`, `int64`) and shape of a tensor of a profile. */
export interface PlacedTensor {
  readonly dtype: string;
  readonly dims: readonly number[];
}

type Shapes = readonly Readonly<Record<string, readonly number[]>>[];

interface ProfileEvent {
  readonly cat?: string;
  readonly name: string;
  readonly args?: {
    readonly op_name?: string;
    readonly provider?: string;
    readonly input_type_shape?: Shapes;
    readonly output_type_shape?: Shapes;
  };
}

const END = '_kernel_time';

const tensorsOf = (shapes: Shapes = []): PlacedTensor[] =>
  shapes.flatMap((shape) => Object.entries(shape).map(([dtype, dims]) => ({ dtype, dims })));

/** The nodes that a profile of ONNX Runtime (`SessionOptions.profile`) saw run, a run of a node each. */
export function placedNodes(profile: string): PlacedNode[] {
  const events = JSON.parse(profile) as readonly ProfileEvent[];
  return events.flatMap(({ cat, name, args }) =>
    cat === 'Node' && name.endsWith(END) && args?.op_name !== undefined
      ? [
          {
            name: name.slice(0, -END.length),
            opType: args.op_name,
            provider: args.provider ?? '',
            inputs: tensorsOf(args.input_type_shape),
            outputs: tensorsOf(args.output_type_shape),
          },
        ]
      : [],
  );
}

/** Operators that compute shapes, offsets and lengths from those of tensors. */
const SHAPE_OPERATORS: ReadonlySet<string> = new Set([
  'Add',
  'Cast',
  'Concat',
  'Gather',
  'Max',
  'Mul',
  'Shape',
  'Slice',
  'Squeeze',
  'Sub',
  'Unsqueeze',
]);

/** Operators that hold graphs, whose nodes stand in the profile by themselves. */
const CONTROL: ReadonlySet<string> = new Set(['If', 'Loop']);

/** Elements of the largest shape there may be. */
const ELEMENTS = 16;

const isFew = ({ dims }: PlacedTensor): boolean => dims.reduce((a, b) => a * b, 1) <= ELEMENTS;
const isInteger = ({ dtype }: PlacedTensor): boolean => dtype === 'int64' || dtype === 'int32';

/** Whether a node is arithmetic on shapes: one of a few operators over a few integers; `Shape` reads any tensor, and no element of it. */
export function isShapeArithmetic({ opType, inputs, outputs }: PlacedNode): boolean {
  if (!SHAPE_OPERATORS.has(opType)) return false;
  const tensors = opType === 'Shape' ? outputs : [...inputs, ...outputs];
  return tensors.every((tensor) => isInteger(tensor) && isFew(tensor));
}

/** Whether a node hands on the one bool that says whether a loop goes on, which the host reads. */
const isCondition = ({ opType, inputs, outputs }: PlacedNode): boolean =>
  opType === 'Identity' && [...inputs, ...outputs].every(({ dtype, dims }) => dtype === 'bool' && dims.length === 0);

/** What ran on the host, or went there and back, in a session on a GPU: everything but shape arithmetic and what loops go on by, once a node. */
export function strayNodes(nodes: readonly PlacedNode[]): PlacedNode[] {
  const strays = nodes.filter((node) => isStray(node) && !isShapeArithmetic(node));
  return [...new Map(strays.map((node) => [node.name, node])).values()];
}

/** Copies stand in profiles under the GPU's provider. */
function isStray(node: PlacedNode): boolean {
  const { provider, opType, inputs } = node;
  if (opType === 'MemcpyToHost' || opType === 'MemcpyFromHost') return !inputs.every(isFew);
  return provider === 'CPUExecutionProvider' && !CONTROL.has(opType) && !isCondition(node);
}

/** A node in words. */
export function describeNode({ name, opType, inputs, outputs }: PlacedNode): string {
  const text = (tensors: readonly PlacedTensor[]) => tensors.map(({ dtype, dims }) => `${dtype}[${dims}]`).join(', ');
  return `${opType} ${name}: ${text(inputs)} -> ${text(outputs)}`;
}
