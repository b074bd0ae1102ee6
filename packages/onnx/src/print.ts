import type { Attribute, AttributeValue, Graph, Model, ModelFunction, Node, Quantization, Value } from './model.js';
import { floatText, type PrintOptions, sparseText, tensorText } from './print-tensor.js';
import { declared, nameOf, notesText, typeText, word } from './print-type.js';

export type { PrintOptions } from './print-tensor.js';

const list = (kind: string, items: readonly string[]): string =>
  items.length === 0 ? `${kind}[]` : `[${items.join(', ')}]`;

/** A list whose kind does not show in its items. */
const named = (kind: string, items: readonly string[]): string => `${kind}[${items.join(', ')}]`;

function valueText(a: AttributeValue, options: PrintOptions, indent: string): string {
  switch (a.type) {
    case 'int':
      return String(a.exact ?? a.value);
    case 'float':
      return floatText(a.value);
    case 'string':
      return JSON.stringify(a.value);
    case 'ints':
      return list('ints', (a.exact ?? a.value).map(String));
    case 'floats':
      return list('floats', a.value.map(floatText));
    case 'strings':
      return list(
        'strings',
        a.value.map((s) => JSON.stringify(s)),
      );
    case 'tensor':
      return tensorText(a.value, options);
    case 'tensors':
      return named(
        'tensors',
        a.value.map((t) => tensorText(t, options)),
      );
    case 'sparse':
      return sparseText(a.value, options);
    case 'sparses':
      return named(
        'sparses',
        a.value.map((s) => sparseText(s, options)),
      );
    case 'graph':
      return graphText(a.value, options, indent);
    case 'graphs':
      return named(
        'graphs',
        a.value.map((g) => graphText(g, options, indent)),
      );
    case 'type':
      return `type ${typeText(a.value)}`;
    case 'types':
      return named('types', a.value.map(typeText));
    case 'reference':
      return `reference ${a.of} ${word(a.value)}`;
  }
}

const attributeText = (a: Attribute, options: PrintOptions, indent: string): string =>
  `${valueText(a, options, indent)}${a.doc === undefined ? '' : notesText({ doc: a.doc })}`;

function attributesText(node: Node, options: PrintOptions, indent: string): string {
  const entries = Object.entries(node.attributes).sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return '';
  return ` {${entries.map(([name, a]) => `${word(name)}: ${attributeText(a, options, indent)}`).join(', ')}}`;
}

function nodeText(node: Node, options: PrintOptions, indent: string): string {
  const outputs = node.outputs.map(declared).join(', ');
  const type = node.domain === '' ? word(node.opType) : `${word(node.domain)}::${word(node.opType)}`;
  const overload = node.overload === '' ? '' : `:${word(node.overload)}`;
  const name = node.name === '' ? '' : ` @${word(node.name)}`;
  const call = `${type}${overload}(${node.inputs.map(nameOf).join(', ')})`;
  const rest = `${attributesText(node, options, indent)}${name}${notesText(node.notes)}`;
  return `${outputs} = ${call}${rest}`.trimStart();
}

function quantizationText({ value, parameters }: Quantization): string {
  const text = (v: Value | string) => (typeof v === 'string' ? JSON.stringify(v) : nameOf(v));
  const entries = Object.entries(parameters).map(([role, v]) => `${word(role)}: ${text(v)}`);
  return `quantization ${text(value)} {${entries.join(', ')}}`;
}

const bodyLines = (graph: Graph, options: PrintOptions, indent: string): string[] => [
  ...graph.inputs.map((v) => `input ${declared(v)}`),
  ...graph.initializers.map((v) => `init ${nameOf(v)} = ${v.tensor ? tensorText(v.tensor, options) : '?'}`),
  ...(graph.sparse ?? []).map((v) => `init ${nameOf(v)} = ${v.sparse ? sparseText(v.sparse, options) : '?'}`),
  ...graph.nodes.map((n) => nodeText(n, options, indent)),
  ...graph.outputs.map((v) => `output ${nameOf(v)}`),
  ...(graph.quantization ?? []).map(quantizationText),
];

function graphText(graph: Graph, options: PrintOptions, outer: string): string {
  const indent = `${outer}  `;
  const lines = bodyLines(graph, options, indent).map((line) => indent + line);
  return [`graph ${word(graph.name)}${notesText(graph.notes)} {`, ...lines, `${outer}}`].join('\n');
}

const opsetLines = (opsets: Readonly<Record<string, number>>): string[] =>
  Object.entries(opsets).map(([domain, version]) => `opset ${JSON.stringify(domain)} ${version}`);

function functionText({ graph, domain, overload, attributes, defaults, opsets }: ModelFunction, options: PrintOptions) {
  const name = `${word(domain)}::${word(graph.name)}${overload === '' ? '' : `:${word(overload)}`}`;
  const lines = [
    ...opsetLines(opsets),
    ...attributes.map((attribute) => `attribute ${word(attribute)}`),
    ...Object.entries(defaults).map(([key, a]) => `attribute ${word(key)} = ${attributeText(a, options, '  ')}`),
    ...bodyLines(graph, options, '  '),
  ];
  return [`function ${name}${notesText(graph.notes)} {`, ...lines.map((line) => `  ${line}`), '}'].join('\n');
}

function header(model: Model): string[] {
  const { producerVersion, domain, version, notes } = model;
  return [
    `onnx ${model.irVersion} ${JSON.stringify(model.producer)}${notesText(notes)}`,
    ...(producerVersion ? [`producer-version ${JSON.stringify(producerVersion)}`] : []),
    ...(domain ? [`domain ${JSON.stringify(domain)}`] : []),
    ...(version === undefined ? [] : [`version ${version}`]),
    ...opsetLines(model.opsets),
    ...Object.entries(model.metadata).map(([key, value]) => `meta ${JSON.stringify(key)} ${JSON.stringify(value)}`),
  ];
}

/**
 * A model as text, one line a node: `%y: float32[batch,4] = Gemm(%x, %w) {transB: 1}`. The same model gives the same
 * text. Tensors of more than 64 elements show a hash, unless `weights` is set.
 */
export function print(model: Model, options: PrintOptions = {}): string {
  const functions = (model.functions ?? []).map((f) => functionText(f, options));
  return `${[...header(model), graphText(model.graph, options, ''), ...functions].join('\n')}\n`;
}

/** A graph as text, without the header of a model. */
export const printGraph = (graph: Graph, options: PrintOptions = {}): string => `${graphText(graph, options, '')}\n`;
