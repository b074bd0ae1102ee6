import { describe, expect, it } from 'vitest';
import { randomModel } from '../../test/models.js';
import { run } from '../../test/run.js';
import {
  check,
  cloneModel,
  eliminateCommonSubexpressions,
  eliminateDeadCode,
  eliminateDropout,
  eliminateIdentity,
  float32,
  foldConstants,
  inferModel,
  type Pass,
  parse,
  print,
  printGraph,
  runPasses,
  sortNodes,
} from '../index.js';

const all: readonly Pass[] = [
  eliminateDropout,
  eliminateIdentity,
  foldConstants,
  eliminateCommonSubexpressions,
  eliminateDeadCode,
  sortNodes,
];

const lines = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n');

/** Input graph and expected graph as the lines between the braces; an empty expectation is "unchanged". */
type Case = readonly [name: string, before: string, after: string];

function table(pass: Pass, cases: readonly Case[]) {
  it.each(cases)('%s', (_, before, after) => {
    const model = parse(`graph g {${before}}`);
    const changes = after !== '';
    const result = pass(model);
    expect(lines(printGraph(model.graph))).toBe(lines(`graph g {\n${changes ? after : before}\n}`));
    expect(result).toEqual({ model, modified: changes });
    expect(pass(model).modified).toBe(false);
  });
}

const body = (inside: string, outputs: string) => `graph body {
  input %i: int64[]
  input %go: bool[]
  input %s: float32[2]
  ${inside}
  output %go
  ${outputs}
}`;

describe('eliminateDeadCode', () => {
  table(eliminateDeadCode, [
    [
      'takes chains nobody needs, and their initializers',
      `input %x: float32[2]
       input %unused: float32[2]
       init %w = float32[2] {1, 2}
       init %v = float32[2] {3, 4}
       %a = Add(%x, %w)
       %b = Neg(%a)
       %y = Mul(%x, %v)
       output %y`,
      `input %x: float32[2]
       input %unused: float32[2]
       init %v = float32[2] {3, 4}
       %y = Mul(%x, %v)
       output %y`,
    ],
    [
      'trims optional results at the end, needed ones and results of other operators not',
      `input %x: float32[2]
       %a, %mean, %deviation = LayerNormalization(%x, %x)
       %b, %mean2, %deviation2 = LayerNormalization(%x, %x)
       %c, %mask = Dropout(%x)
       %d, %e = Split(%x) {num_outputs: 2}
       output %a
       output %deviation2
       output %c
       output %d`,
      `input %x: float32[2]
       %a = LayerNormalization(%x, %x)
       %b, %mean2, %deviation2 = LayerNormalization(%x, %x)
       %c = Dropout(%x)
       %d, %e = Split(%x) {num_outputs: 2}
       output %a
       output %deviation2
       output %c
       output %d`,
    ],
    [
      'works in bodies, and keeps what only a body reads',
      `input %x: float32[2]
       %outer = Neg(%x)
       %dead = Neg(%outer)
       %y = Loop(_, _, %x) {body: ${body('%t = Add(%s, %outer)\n%u = Neg(%t)', 'output %t')}}
       output %y`,
      `input %x: float32[2]
       %outer = Neg(%x)
       %y = Loop(_, _, %x) {body: ${body('%t = Add(%s, %outer)', 'output %t')}}
       output %y`,
    ],
    [
      'takes what only a dead body reads',
      `input %x: float32[2]
       %outer = Neg(%x)
       %z = Loop(_, _, %x) {body: ${body('%t = Add(%s, %outer)', 'output %t')}}
       %y = Neg(%x)
       output %y`,
      `input %x: float32[2]
       %y = Neg(%x)
       output %y`,
    ],
  ]);
});

describe('eliminateIdentity', () => {
  table(eliminateIdentity, [
    [
      'joins chains',
      `input %x: float32[2]
       %a = Identity(%x)
       %b = Identity(%a)
       %y = Add(%a, %b)
       output %y`,
      `input %x: float32[2]
       %y = Add(%x, %x)
       output %y`,
    ],
    [
      'lets a node take over the name of an output',
      `input %x: float32[2]
       %a = Neg(%x)
       %b = Identity(%a)
       %y = Identity(%b)
       %z = Neg(%a)
       output %y
       output %z`,
      `input %x: float32[2]
       %y = Neg(%x)
       %z = Neg(%y)
       output %y
       output %z`,
    ],
    [
      'stays over an input, an initializer or another output',
      `input %x: float32[2]
       init %w = float32[2] {1, 2}
       %a = Identity(%x)
       %b = Identity(%w)
       %c = Neg(%x)
       %d = Identity(%c)
       output %a
       output %b
       output %c
       output %d`,
      '',
    ],
    [
      'works in bodies and for values they take from outside',
      `input %x: float32[2]
       %a = Identity(%x)
       %y = Loop(_, _, %a) {body: ${body('%t = Add(%s, %a)\n%u = Identity(%t)', 'output %u')}}
       output %y`,
      `input %x: float32[2]
       %y = Loop(_, _, %x) {body: ${body('%u = Add(%s, %x)', 'output %u')}}
       output %y`,
    ],
  ]);
});

describe('eliminateDropout', () => {
  table(eliminateDropout, [
    [
      'hands on the input',
      `input %x: float32[2]
       init %p = float32[] {0.1}
       %a, %mask = Dropout(%x, %p)
       %y = Neg(%a)
       output %y`,
      `input %x: float32[2]
       init %p = float32[] {0.1}
       %y = Neg(%x)
       output %y`,
    ],
    [
      'stays where its mask is read',
      `input %x: float32[2]
       %a, %mask = Dropout(%x)
       %y = Where(%mask, %a, %x)
       output %y`,
      '',
    ],
    [
      'of another domain stays',
      `input %x: float32[2]
       %y = other::Dropout(%x)
       %z = Neg(%y)
       output %z`,
      '',
    ],
  ]);
});

describe('eliminateCommonSubexpressions', () => {
  table(eliminateCommonSubexpressions, [
    [
      'computes once what is computed twice, through chains',
      `input %x: float32[2]
       %a = Gemm(%x, %x) {alpha: 2.0, transA: 1}
       %b = Neg(%a)
       %c = Gemm(%x, %x) {transA: 1, alpha: 2.0}
       %d = Neg(%c)
       %y = Add(%b, %d)
       output %y`,
      `input %x: float32[2]
       %a = Gemm(%x, %x) {alpha: 2.0, transA: 1}
       %b = Neg(%a)
       %y = Add(%b, %b)
       output %y`,
    ],
    [
      'tells attributes, operand order, domains, absent operands and counts of results apart',
      `input %x: float32[2]
       input %z: float32[2]
       %a = Sub(%x, %z)
       %b = Sub(%z, %x)
       %c = Op(%x) {f: -0.0}
       %d = Op(%x) {f: 0.0}
       %e = Op(%x) {f: nan}
       %f = Op(%x) {f: inf}
       %g = Op(%x) {f: 1}
       %h = Op(%x) {f: 1.0}
       %i = other::Op(%x) {f: 1.0}
       %j = Op(%x, _, %z)
       %k = Op(%x, %z)
       %l = Op(%x) {f: int64[1] {1}}
       %m = Op(%x) {f: int64[1] {2}}
       %n = Split(%x)
       %o, %p = Split(%x)
       %y = All(%a, %b, %c, %d, %e, %f, %g, %h, %i, %j, %k, %l, %m, %n, %o, %p)
       output %y`,
      '',
    ],
    [
      'leaves random operators and graph outputs',
      `input %x: float32[2]
       %a = Dropout(%x)
       %b = Dropout(%x)
       %c = RandomNormalLike(%x)
       %d = RandomNormalLike(%x)
       %y = Neg(%x)
       %z = Neg(%x)
       %all = All(%a, %b, %c, %d)
       output %y
       output %z
       output %all`,
      '',
    ],
    [
      'reaches values that bodies take from outside',
      `input %x: float32[2]
       %a = Neg(%x)
       %b = Neg(%x)
       %z = Add(%a, %b)
       %y = Loop(_, _, %z) {body: ${body('%t = Add(%s, %b)', 'output %t')}}
       output %y`,
      `input %x: float32[2]
       %a = Neg(%x)
       %z = Add(%a, %a)
       %y = Loop(_, _, %z) {body: ${body('%t = Add(%s, %a)', 'output %t')}}
       output %y`,
    ],
  ]);
});

describe('foldConstants', () => {
  table(foldConstants, [
    [
      'works out shapes',
      `input %x: float32[2,3,8]
       init %i = int64[] {1}
       init %minus = int64[1] {-1}
       init %axes = int64[1] {0}
       %s: int64[3] = Shape(%x)
       %n: int64[] = Gather(%s, %i)
       %u: int64[1] = Unsqueeze(%n, %axes)
       %t: int64[2] = Concat(%u, %minus) {axis: 0}
       %y: float32[3,16] = Reshape(%x, %t)
       output %y`,
      `input %x: float32[2,3,8]
       init %i = int64[] {1}
       init %minus = int64[1] {-1}
       init %axes = int64[1] {0}
       init %s = int64[3] {2, 3, 8}
       init %n = int64[] {3}
       init %u = int64[1] {3}
       init %t = int64[2] {3, -1}
       %y: float32[3,16] = Reshape(%x, %t)
       output %y`,
    ],
    [
      'leaves integers that a number cannot hold',
      `input %x: float32[2]
       init %end = int64[1] {9223372036854775807}
       %same: int64[1] = Identity(%end)
       %y: int64[1] = Concat(%same) {axis: 0}
       output %y`,
      '',
    ],
    [
      'leaves shapes that are known by name only',
      `input %x: float32[batch,8]
       %s: int64[2] = Shape(%x)
       %y: float32[batch,8] = Reshape(%x, %s)
       output %y`,
      '',
    ],
    [
      'works out float32 scalars in float32, and constants',
      `input %x: float32[2]
       init %eight = int64[] {8}
       init %one = float32[] {1}
       %a: float32[] = Cast(%eight) {to: 1}
       %b: float32[] = Sqrt(%a)
       %c: float32[] = Div(%one, %b)
       %d: float32[2] = Constant() {value_floats: [1.0, 2.0]}
       %e: float32[2] = Mul(%x, %c)
       %y: float32[2] = Mul(%e, %d)
       output %y`,
      `input %x: float32[2]
       init %eight = int64[] {8}
       init %one = float32[] {1}
       init %a = float32[] {8}
       init %b = float32[] {2.828427}
       init %c = float32[] {0.35355338}
       init %d = float32[2] {1, 2}
       %e: float32[2] = Mul(%x, %c)
       %y: float32[2] = Mul(%e, %d)
       output %y`,
    ],
    [
      'leaves weights, graph outputs and float64',
      `init %w = float32[2] {1, 2}
       init %a = float32[] {1}
       init %b = float64[] {1}
       %y: float32[2] = Add(%w, %w)
       %z: float32[] = Add(%a, %a)
       %c: float64[] = Add(%b, %b)
       %d: float64[] = Neg(%c)
       output %y
       output %z
       output %d`,
      '',
    ],
    [
      'leaves a model whose input has a default',
      `input %i: int64[1]
       init %i = int64[1] {1}
       %a: int64[1] = Add(%i, %i)
       %y: int64[1] = Neg(%a)
       output %y`,
      '',
    ],
  ]);
});

describe('sortNodes', () => {
  table(sortNodes, [
    [
      'puts makers before readers, the rest as it was',
      `input %x: float32[2]
       %y = Add(%b, %x)
       %a = Neg(%x)
       %b = Neg(%a)
       %z = Neg(%x)
       output %y
       output %z`,
      `input %x: float32[2]
       %a = Neg(%x)
       %b = Neg(%a)
       %y = Add(%b, %x)
       %z = Neg(%x)
       output %y
       output %z`,
    ],
    [
      'sees what a body takes from outside',
      `input %x: float32[2]
       %y = Loop(_, _, %x) {body: ${body('%t = Add(%s, %late)', 'output %t')}}
       %late = Neg(%x)
       output %y`,
      `input %x: float32[2]
       %late = Neg(%x)
       %y = Loop(_, _, %x) {body: ${body('%t = Add(%s, %late)', 'output %t')}}
       output %y`,
    ],
  ]);

  it('refuses a cycle', () => {
    const model = parse('graph g { input %x: float32 %a = Neg(%x) %b = Neg(%a) output %a }');
    const [first, second] = model.graph.nodes;
    first?.inputs.splice(0, 1, second?.outputs[0]);
    expect(() => sortNodes(model)).toThrow(/graph 'g': expected no cycle, got one at Neg/);
  });

  it('takes chains longer than the call stack', () => {
    const length = 30_000;
    const nodes = Array.from({ length }, (_, i) => `%v${i} = Neg(%${i === 0 ? 'x' : `v${i - 1}`})`).reverse();
    const model = parse(`graph g { input %x: float32 ${nodes.join('\n')} output %v${length - 1} }`);
    expect(sortNodes(model).modified).toBe(true);
    check(model);
  });
});

describe('all passes together', () => {
  it.each(Array.from({ length: 12 }, (_, seed) => seed))('keep what random model %i computes', async (seed) => {
    const original = inferModel(randomModel(seed));
    const model = cloneModel(original);
    const feeds = { a: float32([1, 2, 3, 4, 5, 6], [2, 3]), b: float32([0.5, -1, 2, 0, 1, 3], [2, 3]) };
    expect(runPasses(model, all)).toEqual({ model, modified: true });
    check(model);
    expect(model.graph.nodes.length).toBeLessThan(original.graph.nodes.length);
    expect(model.graph.nodes.filter((n) => n.opType === 'Dropout')).toEqual([]);
    const [before, after] = [await run(original, feeds), await run(model, feeds)];
    for (const name of ['y0', 'y1']) expect([...(after[name]?.data ?? [])]).toEqual([...(before[name]?.data ?? [])]);
    const text = print(model);
    expect(runPasses(model, all).modified).toBe(false);
    expect(print(model)).toBe(text);
  });
});
