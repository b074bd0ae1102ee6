import {
  type Attribute,
  CONTRIB_DOMAIN,
  contribOps,
  type Dim,
  domainRules,
  GraphBuilder,
  inferNode,
  int64,
  Node,
  type OpSpec,
  ops,
  Value,
} from '@neuroprune/onnx';
import { controlFlow, nonDifferentiable, pending } from '../src/lists.js';
import { decomposed } from '../src/rules/decomposed.js';
import { rules } from '../src/rules/rules.js';
import { rows } from './rows/rows.js';

/** What is said of one operator. */
interface Entry {
  readonly name: string;
  readonly shapes: Shapes;
  readonly gradient: string;
}

/** Whether inference has a rule, and whether that was seen to keep names of dimensions. */
type Shapes = 'symbolic' | 'yes';

/** Attributes that must be given, by type; `1` is also the code of float32. */
const samples: { readonly [type: string]: Attribute } = {
  int: { type: 'int', value: 1 },
  float: { type: 'float', value: 1 },
  string: { type: 'string', value: 'ab,bc->ac' },
  ints: { type: 'ints', value: [1, 1] },
  floats: { type: 'floats', value: [1] },
  strings: { type: 'strings', value: ['a'] },
};

/** `kernel_shape` 3, 3 beside what the table says must be given. */
function attributesOf(spec: OpSpec | undefined, withKernel: boolean): Record<string, Attribute> {
  const required = Object.entries(spec?.attrs ?? {}).filter(([, type]) => type.endsWith('!'));
  const given = required.map(([name, type]) => [name, samples[type.slice(0, -1)]] as const);
  const kernel: [string, Attribute][] = withKernel ? [['kernel_shape', { type: 'ints', value: [3, 3] }]] : [];
  return Object.fromEntries(
    [...given, ...kernel].filter((entry): entry is [string, Attribute] => entry[1] !== undefined),
  );
}

const constant = (name: string, values: readonly number[], dims: readonly number[] = [values.length]): Value => {
  const value = new Value(name, 'int64', dims);
  value.tensor = int64(values, dims);
  return value;
};

/** Operands beside the first: like it, a kernel, vectors and scalars that stand for shapes, axes and counts. */
const others: readonly ((name: string, shape: readonly Dim[]) => Value)[] = [
  (name, shape) => new Value(name, 'float32', shape),
  (name) => new Value(name, 'float32', [4, 3, 3, 3]),
  (name) => new Value(name, 'float32', []),
  (name, shape) =>
    constant(
      name,
      shape.map(() => 1),
    ),
  (name) => constant(name, [1]),
  (name) => constant(name, [1], []),
  (name) => new Value(name, 'int64', ['rows']),
  (name, shape) => new Value(name, 'int64', [...shape.slice(0, 1), 2]),
];

/** A computed shape: two named dimensions. */
function computed(): Value {
  const value = new Value('shape', 'int64', [2]);
  value.elements = ['a', 'b'];
  return value;
}

const firsts = (): Value[] =>
  [[], ['a'], ['a', 'b'], ['a', 'b', 'c'], ['a', 3, 'c', 'd'], ['a', 16, 'c', 'd']]
    .map((shape) => new Value('x', 'float32', shape))
    .concat(computed());

/** Nodes over operands of named dimensions, many of which the operator cannot have. */
function* probes(domain: string, name: string, spec: OpSpec | undefined): Generator<Node> {
  for (const first of firsts())
    for (const other of others)
      for (const length of [1, 2, Math.max(2, spec?.in.length ?? 3)])
        for (const withKernel of [true, false]) {
          const operand = (_: unknown, i: number) => (i === 0 ? first : other(`x${i}`, first.shape ?? []));
          const operands = Array.from({ length }, operand);
          yield new Node(name, operands, [new Value('y')], attributesOf(spec, withKernel), domain);
        }
}

const isNamed = (shape: readonly Dim[] | undefined): boolean => shape?.some((d) => typeof d === 'string') ?? false;

function keepsNames(node: Node): boolean {
  try {
    return isNamed(inferNode(node)[0]?.shape);
  } catch {
    return false; // operands it cannot have
  }
}

/** Whether a row of the gradient checks, its dimensions named, has a result with names. */
function hasNamedRow(name: string): boolean {
  const list = Object.hasOwn(rows, name) ? rows[name as keyof typeof rows] : [];
  return list.some(({ inputs, build }) => {
    const builder = new GraphBuilder();
    const x = inputs.map((t, i) =>
      builder.input(
        `x${i}`,
        t.dtype,
        t.dims.map((d) => (d > 1 ? `n${d}` : d)),
      ),
    );
    build(builder.op, x, builder);
    return builder.graph.nodes.some((node) => node.opType === name && isNamed(node.outputs[0]?.shape));
  });
}

function shapesOf(domain: string, name: string, spec: OpSpec | undefined): Shapes {
  if (domain === '' && hasNamedRow(name)) return 'symbolic';
  for (const node of probes(domain, name, spec)) if (keepsNames(node)) return 'symbolic';
  return 'yes';
}

/** Where an operator of ONNX itself stands in the lists of gradients. */
const standings: readonly (readonly [table: object, text: string])[] = [
  [decomposed, 'by decomposition'],
  [rules, 'rule'],
  [nonDifferentiable, 'none by nature'],
  [controlFlow, 'not through graphs inside'],
  [pending, 'pending'],
];

function gradientOf(domain: string, name: string): string {
  if (domain === CONTRIB_DOMAIN) return 'by decomposition'; // the table of decompositions has each of them
  if (domain !== '') return 'no rule';
  return standings.find(([table]) => Object.hasOwn(table, name))?.[1] ?? 'no rule';
}

/** How an operator is called, where a table says it. */
function specOf(domain: string, name: string): OpSpec | undefined {
  if (domain === CONTRIB_DOMAIN) return contribOps[name as keyof typeof contribOps];
  return domain === '' && Object.hasOwn(ops, name) ? ops[name as keyof typeof ops] : undefined;
}

const entriesOf = (domain: string, table: object): Entry[] =>
  Object.keys(table)
    .sort()
    .map((name) => ({
      name,
      shapes: shapesOf(domain, name, specOf(domain, name)),
      gradient: gradientOf(domain, name),
    }));

function count(entries: readonly Entry[]): string {
  const kinds = [...new Set(entries.map((e) => e.gradient))];
  return kinds.map((kind) => `${entries.filter((e) => e.gradient === kind).length} ${kind}`).join(', ');
}

/** Rows of equal width, as the formatter writes them. */
function tableOf(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0))) ?? [];
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = rows;
  return [line(head), `| ${widths.map((w) => '-'.repeat(w)).join(' | ')} |`, ...body.map(line)].join('\n');
}

function section(domain: string, table: object): string {
  const entries = entriesOf(domain, table);
  const rows = entries.map(({ name, shapes, gradient }) => [name, shapes, gradient]);
  return `## ${domain || 'ai.onnx'}

${entries.length} operators. Gradients: ${count(entries)}.

${tableOf([['operator', 'shapes', 'gradient'], ...rows])}
`;
}

/** `docs/operators.md`, asked of the tables. */
export function operatorsPage(): string {
  const own = [...domainRules].filter(([domain]) => domain !== 'ai.onnx');
  const domains: (readonly [string, object])[] = [...own, [CONTRIB_DOMAIN, contribOps]];
  return `# Operators

Generated from the tables of operators; \`UPDATE_DOCS=1 npx vitest run packages/autodiff/src/operators.spec.ts\` writes it anew.

**Shapes**: _yes_, inference has a rule; _symbolic_, the rule was seen to hand on names of dimensions (\`batch\`).
**Gradient**: _rule_, by a rule of its own, checked against finite differences; _by decomposition_, written in operators
that have one; _none by nature_, its result does not depend smoothly on any input; _pending_, has one but no rule yet;
_not through graphs inside_. An operator without one on the path to the loss is an error that names its node.

${domains.map(([domain, table]) => section(domain, table)).join('\n')}`;
}
