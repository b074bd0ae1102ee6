import { describe, expect, it } from 'vitest';
import { check, parse, Value } from './index.js';

const checked =
  (inside: string, header = '') =>
  () =>
    check(parse(`${header}graph g { input %x: float32[2] input %i: int64[2] ${inside} }`));

describe('check', () => {
  it.each([
    ['%y = Add(%x, %x) output %y'],
    ['%y = Pow(%x, %i) output %y'],
    ['%y = Where(%c, %x, %x) %z = Neg(%y) input %c: bool[2] output %z'],
    ['%y = Clip(%x, _, %x) output %y'],
    [
      '%y = If(%x) {then_branch: graph t { %t = Neg(%x) output %t }, else_branch: graph e { %t = Abs(%x) output %t }} output %y',
    ],
    ['%y = Unheard(%x) {odd: 1} output %y'],
  ])('accepts %s', (text) => {
    expect(checked(text)).not.toThrow();
  });

  it.each([
    ['%y = Neg(%h) %h = Neg(%x) output %y', /Neg\(y\): expected 'h' before its use/],
    [
      '%y = If(%x) {then_branch: graph t { output %late }, else_branch: graph e { output %x }} %late = Neg(%x) output %y',
      /output 'late'/,
    ],
    [
      '%y = If(%x) {then_branch: graph t { %x = Neg(%i) output %x }, else_branch: graph e { output %x }} output %y',
      /'x' again/,
    ],
    ['%y = Add(%x) output %y', /Add\(y\): expected operand 'b', got none/],
    ['%y = Add(%x, _) output %y', /expected operand 'b', got none/],
    ['%y = Neg(%x, %x) output %y', /expected at most 1 operands, got 2/],
    ['%y = Add(%x, %i) output %y', /one element type, got x: float32\[2\], i: int64\[2\]/],
    ['%y = Concat(%x, %x, %i) {axis: 0} output %y', /one element type/],
    ['%y = Where(%x, %x, %i) output %y', /one element type/],
    ['%y = Neg(%x) {axis: 1} output %y', /an attribute it has, got 'axis'/],
    ['%y = Cast(%x) output %y', /expected attribute 'to', got none/],
    ['%y = Cast(%x) {to: 1.0} output %y', /attribute 'to' as int, got float/],
    ['%y = Swish(%x) output %y', /Swish\(y\): expected an operator of set 20, got one of set 24/],
    ['%y = other::Op(%x) output %y', /operator set for domain 'other'/],
  ])('refuses %s', (text, message) => {
    expect(checked(text)).toThrow(message);
  });

  it.each([
    [11, '%y = Celu(%x) output %y', 'Celu(y): expected an operator of set 11, got one of set 12; state that set'],
    [13, '%y = Gelu(%x) output %y', 'Gelu(y): expected an operator of set 13, got one of set 20; state that set'],
    [13, '%y = Reshape(%x, %i) {allowzero: 1} output %y', "expected an attribute it has, got 'allowzero'"],
    [14, '%y = Reshape(%x, %i) {allowzero: 1} output %y', undefined],
    [17, '%y = ReduceMean(%x) {axes: [0]} output %y', undefined],
    [18, '%y = ReduceMean(%x) {axes: [0]} output %y', "expected an attribute it has, got 'axes'"],
    [17, '%y = Pad(%x, %i, _, %i) output %y', 'expected at most 3 operands, got 4'],
    [18, '%y = Pad(%x, %i, _, %i) output %y', undefined],
    [22, '%y = RMSNormalization(%x, %x) output %y', 'got one of set 23'],
    [23, '%y = RMSNormalization(%x, %x) output %y', undefined],
    [23, '%y = RMSNormalization(%x) output %y', "RMSNormalization(y): expected operand 'scale', got none"],
    [23, '%y = Add(%x, %i) output %y', 'expected operands of one element type, got x: float32[2], i: int64[2]'],
    [23, '%y = Cast(%x) {to: 1, round_mode: "up"} output %y', "expected an attribute it has, got 'round_mode'"],
    [24, '%y = Cast(%x) {to: 1, round_mode: "up"} output %y', undefined],
    [23, '%y = Attention(%x, %x, %x, _, _, _, %i) output %y', 'expected at most 6 operands, got 7'],
    [23, '%y = Swish(%x) output %y', 'expected an operator of set 23, got one of set 24; state that set'],
    [24, '%y = Swish(%x) output %y', undefined],
    [10, '%y = Swish(%x) {axes: [0]} output %y', undefined],
    [26, '%y = Neg(%x, %x) output %y', undefined],
    [10, '%y = Neg(%h) %h = Neg(%x) output %y', "expected 'h' before its use"],
  ])('looks at operators as set %i has them: %s', (set, text, message) => {
    const act = checked(text, `onnx 8 "" opset "" ${set} `);
    if (message) expect(act).toThrow(message);
    else expect(act).not.toThrow();
  });

  it('refuses values of other graphs', () => {
    const model = parse('graph g { input %x: float32[2] %y = Neg(%x) output %y }');
    model.graph.outputs = [new Value('y')];
    expect(() => check(model)).toThrow(/expected its output 'y' defined/);
  });
});
