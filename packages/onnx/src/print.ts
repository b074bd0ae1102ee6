import { createHash } from 'node:crypto';
import type { DType } from './dtype.js';
import type { Attribute, Graph, Model, Node, Value } from './model.js';
import { shortestFloat } from './number.js';
import type { Dim, Shape } from './shape.js';
import { bytesOf, type Tensor } from './tensor.js';

/** Tensors up to this many elements are printed whole. */
const INLINE = 64;

/** How to print. */
export interface PrintOptions {
  /** Print the elements of large tensors too, so that `parse` gives the model back. */
  readonly weights?: boolean;
}

const bare = /^[A-Za-z0-9_.+*/-]+$/;
const word = (text: string): string => (bare.test(text) ? text : JSON.stringify(text));
const nameOf = (value: Value | undefined): string => (value ? `%${word(value.name)}` : '_');

function dimText(dim: Dim): string {
  if (typeof dim !== 'string') return dim === null ? '?' : String(dim);
  // A dimension named like a number or like nothing would be read as one.
  return bare.test(dim) && !/^-?\d+$/.test(dim) ? dim : JSON.stringify(dim);
}

function typeText(dtype: DType | undefined, shape: Shape | undefined): string {
  if (!dtype && !shape) return '';
  return `: ${dtype ?? '?'}${shape ? `[${shape.map(dimText).join(',')}]` : ''}`;
}

const declared = (value: Value): string => `${nameOf(value)}${typeText(value.dtype, value.shape)}`;

/** A number that is read back exactly; `-0` keeps its sign. */
function numberText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return Object.is(value, -0) ? '-0' : String(value);
}

/** A float attribute: always with a point, an exponent or a name, which integers have not. */
function floatText(value: number): string {
  const text = numberText(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

function elementText(element: number | bigint | string, dtype: DType): string {
  if (typeof element === 'string') return JSON.stringify(element);
  if (typeof element === 'bigint') return String(element);
  return numberText(dtype === 'float32' ? shortestFloat(element) : element);
}

/** First 64 bits of SHA-256 over the bytes. */
function hash(tensor: Tensor): string {
  const bytes = bytesOf(tensor) ?? Buffer.from(JSON.stringify(tensor.data));
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}

function tensorText(tensor: Tensor, options: PrintOptions): string {
  const type = `${tensor.dtype}[${tensor.dims.join(',')}]`;
  if (tensor.data.length > INLINE && !options.weights) return `${type} #${hash(tensor)}`;
  const elements = Array.from(tensor.data as ArrayLike<number | bigint | string>, (e) => elementText(e, tensor.dtype));
  return `${type} {${elements.join(', ')}}`;
}

const list = (kind: string, items: readonly string[]): string =>
  items.length === 0 ? `${kind}[]` : `[${items.join(', ')}]`;

function attributeText(a: Attribute, options: PrintOptions, indent: string): string {
  switch (a.type) {
    case 'int':
      return String(a.value);
    case 'float':
      return floatText(a.value);
    case 'string':
      return JSON.stringify(a.value);
    case 'ints':
      return list('ints', a.value.map(String));
    case 'floats':
      return list('floats', a.value.map(floatText));
    case 'strings':
      return list(
        'strings',
        a.value.map((s) => JSON.stringify(s)),
      );
    case 'tensor':
      return tensorText(a.value, options);
    case 'graph':
      return graphText(a.value, options, indent);
  }
}

function attributesText(node: Node, options: PrintOptions, indent: string): string {
  const entries = Object.entries(node.attributes).sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return '';
  return ` {${entries.map(([name, a]) => `${word(name)}: ${attributeText(a, options, indent)}`).join(', ')}}`;
}

function nodeText(node: Node, options: PrintOptions, indent: string): string {
  const outputs = node.outputs.map(declared).join(', ');
  const type = node.domain === '' ? word(node.opType) : `${word(node.domain)}::${word(node.opType)}`;
  const name = node.name === '' ? '' : ` @${word(node.name)}`;
  const call = `${type}(${node.inputs.map(nameOf).join(', ')})`;
  return `${outputs} = ${call}${attributesText(node, options, indent)}${name}`.trimStart();
}

function graphText(graph: Graph, options: PrintOptions, outer: string): string {
  const indent = `${outer}  `;
  const lines = [
    ...graph.inputs.map((v) => `input ${declared(v)}`),
    ...graph.initializers.map((v) => `init ${nameOf(v)} = ${v.tensor ? tensorText(v.tensor, options) : '?'}`),
    ...graph.nodes.map((n) => nodeText(n, options, indent)),
    ...graph.outputs.map((v) => `output ${nameOf(v)}`),
  ];
  return [`graph ${word(graph.name)} {`, ...lines.map((line) => indent + line), `${outer}}`].join('\n');
}

function header(model: Model): string[] {
  return [
    `onnx ${model.irVersion} ${JSON.stringify(model.producer)}`,
    ...Object.entries(model.opsets).map(([domain, version]) => `opset ${JSON.stringify(domain)} ${version}`),
    ...Object.entries(model.metadata).map(([key, value]) => `meta ${JSON.stringify(key)} ${JSON.stringify(value)}`),
  ];
}

/**
 * A model as text, one line a node: `%y: float32[batch,4] = Gemm(%x, %w) {transB: 1}`. The same model gives the same
 * text. Tensors of more than 64 elements show a hash, unless `weights` is set.
 */
export function print(model: Model, options: PrintOptions = {}): string {
  return `${[...header(model), graphText(model.graph, options, '')].join('\n')}\n`;
}

/** A graph as text, without the header of a model. */
export const printGraph = (graph: Graph, options: PrintOptions = {}): string => `${graphText(graph, options, '')}\n`;
