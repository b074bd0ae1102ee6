import { describe, expect, it } from 'vitest';
import {
  check,
  eliminateCommonSubexpressions,
  eliminateDeadCode,
  eliminateDropout,
  eliminateIdentity,
  foldConstants,
  type Pass,
  parse,
  print,
  runPasses,
  sortNodes,
} from '../index.js';

const header = 'onnx 10 ""\nopset "" 20\nopset "my" 1\nopset "com.x" 1\n';
const call = 'graph g {\n  input %x: float32[2]\n  %y = my::f(%x)\n  output %y\n}\n';
const body = (lines: string) => `function my::f {\n  opset "" 20\n  ${lines.split('\n').join('\n  ')}\n}\n`;

describe('passes reach into functions', () => {
  it.each<[string, Pass, string, string]>([
    [
      'dead nodes go',
      eliminateDeadCode,
      'input %a\n%b = Neg(%a)\n%c = Abs(%a)\noutput %b',
      'input %a\n%b = Neg(%a)\noutput %b',
    ],
    [
      'equal nodes become one',
      eliminateCommonSubexpressions,
      'input %a\n%b = Neg(%a)\n%c = Neg(%a)\n%d = Add(%b, %c)\noutput %d',
      'input %a\n%b = Neg(%a)\n%d = Add(%b, %b)\noutput %d',
    ],
    [
      'identities go',
      eliminateIdentity,
      'input %a\n%b = Identity(%a)\n%c = Neg(%b)\noutput %c',
      'input %a\n%c = Neg(%a)\noutput %c',
    ],
    [
      'one from input to output stays',
      eliminateIdentity,
      'input %a\n%b = Identity(%a)\noutput %b',
      'input %a\n%b = Identity(%a)\noutput %b',
    ],
    [
      'dropouts go',
      eliminateDropout,
      'input %a\n%b = Dropout(%a)\n%c = Neg(%b)\noutput %c',
      'input %a\n%c = Neg(%a)\noutput %c',
    ],
    [
      'nodes are sorted',
      sortNodes,
      'input %a\n%c = Neg(%b)\n%b = Neg(%a)\noutput %c',
      'input %a\n%b = Neg(%a)\n%c = Neg(%b)\noutput %c',
    ],
    [
      'constants stay nodes',
      foldConstants,
      'input %a\n%c = Constant() {value_float: 1.0}\n%b = Add(%a, %c)\noutput %b',
      'input %a\n%c = Constant() {value_float: 1.0}\n%b = Add(%a, %c)\noutput %b',
    ],
  ])('%s', (_, pass, before, after) => {
    const model = parse(header + call + body(before));
    const { modified } = pass(model);
    expect(print({ ...model, graph: parse(call).graph })).toBe(header + call + body(after));
    expect(modified).toBe(before !== after);
    expect(pass(model).modified).toBe(false);
    check(model);
  });

  it('and keep those that nobody calls', () => {
    const model = parse(`${header}graph g {\n  input %x\n  output %x\n}\n${body('input %a\noutput %a')}`);
    runPasses(model, [eliminateDeadCode, eliminateIdentity, foldConstants]);
    expect(model.functions).toHaveLength(1);
  });
});

describe('a call of a function is not the operator of its name', () => {
  const own = (type: string, inside: string) =>
    `${header}graph g { input %x: float32[2] %a = ${type}(%x) %b = ${type}(%x) %y = Sub(%a, %b) output %y } function ${type} { opset "" 20 input %p ${inside} output %q }`;
  it.each<[string, Pass]>([
    ['Identity', eliminateIdentity],
    ['Dropout', eliminateDropout],
    ['Neg', eliminateCommonSubexpressions],
  ])('%s stays', (type, pass) => {
    const model = parse(
      own(`${type}`, '%q = RandomNormalLike(%p)').replace(`function ${type}`, `function ""::${type}`),
    );
    expect(pass(model).modified).toBe(false);
    expect(pass(parse(own(type, '').slice(0, own(type, '').indexOf('function')))).modified).toBe(true);
  });
});

describe('common subexpressions', () => {
  it.each<[string, string, number]>([
    ['operators of other domains stay', '%a = com.x::Op(%x) %b = com.x::Op(%x)', 2],
    ['integers beyond 2^53 differ', '%a = Op(%x) {i: 9007199254740993} %b = Op(%x) {i: 9007199254740992}', 2],
    [
      'sparse tensors are compared',
      '%a = Op(%x) {s: sparse [2] float32[1] {1} at int64[1] {0}} %b = Op(%x) {s: sparse [2] float32[1] {1} at int64[1] {1}}',
      2,
    ],
    [
      'equal ones are one',
      '%a = Op(%x) {s: sparse [2] float32[1] {1} at int64[1] {0}} %b = Op(%x) {s: sparse [2] float32[1] {1} at int64[1] {0}}',
      1,
    ],
    [
      'lists of tensors are compared',
      '%a = Op(%x) {t: tensors[int8[] {1}, int8[] {2}]} %b = Op(%x) {t: tensors[int8[] {1}, int8[] {3}]}',
      2,
    ],
    ['types are compared', '%a = Op(%x) {t: type float32[2]} %b = Op(%x) {t: type float32[3]}', 2],
    ['equal types are one', '%a = Op(%x) {t: type float32[2]} %b = Op(%x) {t: type float32[2]}', 1],
  ])('%s', (_, nodes, left) => {
    const model = parse(`${header}graph g { input %x ${nodes} %y = Add(%a, %b) output %y }`);
    eliminateCommonSubexpressions(model);
    expect(model.graph.nodes).toHaveLength(left + 1);
  });

  it('do not take over a result that the earlier node leaves out', () => {
    const model = parse(`${header}graph g { input %x %a, %"" = Op(%x) %b, %c = Op(%x) %y = Add(%a, %c) output %y }`);
    expect(eliminateCommonSubexpressions(model).modified).toBe(false);
    expect(print(model)).toContain('Add(%a, %c)');
  });
});

describe('annotations and sparse initializers', () => {
  const text = (rest: string) =>
    `${header}graph g { input %x: float32[2] init %s = float32[] {1} init %t = float32[] {2} init %w = sparse [2] float32[1] {1} @w at int64[1] {0} init %v = sparse [2] float32[0] {} @v at int64[0] {} ${rest} output %y quantization %x {SCALE: %s} quantization %d {SCALE: %t} }`;

  it('live and die with what they speak of', () => {
    const model = parse(text('%d = Neg(%x) %y = Add(%x, %w)'));
    eliminateDeadCode(model);
    expect(model.graph.initializers.map((v) => v.name)).toEqual(['s']);
    expect(model.graph.sparse?.map((v) => v.name)).toEqual(['w']);
    expect(model.graph.quantization).toHaveLength(1);
    check(model);
  });

  it('follow a value that another one replaces', () => {
    const model = parse(text('%d = Identity(%x) %h = Add(%d, %w) %y = Add(%h, %v)'));
    eliminateIdentity(model);
    expect(model.graph.quantization?.[1]?.value).toBe(model.graph.inputs[0]);
  });
});
