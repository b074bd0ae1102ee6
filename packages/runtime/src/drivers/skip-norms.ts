import { type Attribute, CONTRIB_DOMAIN, type Model, Node, runPasses, sortNodes, Value } from '@neuroprune/onnx';
import { readersOf, replaceNodes } from './rewrite.js';

/** LayerNormalization's default, which is not SkipLayerNormalization's. */
const EPSILON: Attribute = { type: 'float', value: 1e-5 };

type Readers = ReturnType<typeof readersOf>;

/**
 * Norms with the residual sum before them, and with the bias of the product in that sum, in place: ONNX Runtime's
 * `SkipLayerNormalization`, whose fourth result is the sum. CUDA's `Gemm` writes a bias over the whole result before it adds the
 * product. In 16 bits the kernel of the two would add up in 16 bits, so these stay apart.
 */
export function skipNorms(model: Model): Model {
  const { graph } = model;
  const readers = readersOf(graph);
  const replaced = new Map<Node, Node | undefined>();
  for (const node of graph.nodes) {
    const isRead = (v: Value) => readers.has(v) || graph.outputs.includes(v);
    const sum = node.outputs.slice(1).some(isRead) ? undefined : residualOf(node);
    if (!sum || replaced.has(sum)) continue;
    const [product, skip] = isBiased(sum.inputs[1], readers) ? [sum.inputs[1], sum.inputs[0]] : sum.inputs;
    const bias = isBiased(product, readers) ? product?.producer?.inputs[2] : undefined;
    if (bias) replaced.set(product?.producer as Node, withoutBias(product?.producer as Node));
    replaced.set(sum, undefined);
    replaced.set(node, skipNorm(node, [skip, product], bias, sum.outputs[0] as Value));
  }
  replaceNodes(graph, replaced);
  model.opsets[CONTRIB_DOMAIN] = 1;
  runPasses(model, [sortNodes]);
  return model;
}

/** The sum of two values of one shape that a norm along rows reads. */
function residualOf({ opType, domain, inputs: [x, scale], attributes }: Node): Node | undefined {
  const sum = opType === 'LayerNormalization' && domain === '' ? x?.producer : undefined;
  if (sum?.opType !== 'Add' || x?.dtype !== 'float32') return undefined;
  const { shape = [] } = x;
  const axis = attributes.axis?.value ?? -1;
  const isAlongRows = (axis === -1 || axis === shape.length - 1) && scale?.shape?.length === 1;
  const isResidual = sum.inputs.every((v) => v?.shape?.length === shape.length && String(v.shape) === String(shape));
  return isAlongRows && isResidual && (shape.length === 2 || shape.length === 3) ? sum : undefined;
}

/** Whether a value is a product with a bias that nothing but the sum reads. */
function isBiased(value: Value | undefined, readers: Readers): boolean {
  const { opType, domain, inputs, attributes } = value?.producer ?? {};
  const isOwn = value !== undefined && readers.get(value)?.length === 1;
  return isOwn && opType === 'Gemm' && domain === '' && inputs?.[2]?.shape?.length === 1 && isOne(attributes?.beta);
}

const isOne = (attribute: Node['attributes'][string] | undefined) => (attribute?.value ?? 1) === 1;

const withoutBias = ({ opType, inputs, outputs, attributes, domain, name }: Node): Node =>
  new Node(opType, inputs.slice(0, 2), outputs, attributes, domain, name);

function skipNorm(norm: Node, operands: readonly (Value | undefined)[], bias: Value | undefined, sum: Value): Node {
  const [, scale, shift] = norm.inputs;
  const inputs = [...operands, scale, shift, bias];
  while (inputs.at(-1) === undefined) inputs.pop();
  const outputs = [norm.outputs[0] as Value, new Value(''), new Value(''), sum];
  const { epsilon = EPSILON } = norm.attributes;
  return new Node('SkipLayerNormalization', inputs, outputs, { epsilon }, CONTRIB_DOMAIN, norm.name);
}
