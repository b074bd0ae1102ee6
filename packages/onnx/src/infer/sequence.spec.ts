import { describe, expect, it } from 'vitest';
import { inferModel, parse } from '../index.js';
import { showShape } from '../shape.js';
import type { ValueType } from '../value-type.js';

const show = (type: ValueType | undefined): string => {
  if (!type) return '?';
  if (type.kind === 'tensor') return `${type.dtype ?? '?'}${showShape(type.shape)}`;
  return type.kind === 'sequence' || type.kind === 'optional' ? `${type.kind}(${show(type.element)})` : type.kind;
};

/** Types of the outputs of a graph given as text. */
const typesOf = (text: string): string[] =>
  inferModel(parse(`graph g { ${text} }`)).graph.outputs.map((v) =>
    show(v.type ?? { kind: 'tensor', dtype: v.dtype, shape: v.shape }),
  );

const inputs = 'input %x: float32[n,4] input %y: float32[n,5] input %i: int64[]';

describe('sequences', () => {
  it.each([
    ['%s = SequenceConstruct(%x, %x) output %s', ['sequence(float32[n,4])']],
    ['%s = SequenceConstruct(%x, %y) output %s', ['sequence(float32[n,?])']],
    ['%s = SequenceConstruct(%x, %y) %z = SequenceAt(%s, %i) output %z', ['float32[n,?]']],
    ['%s = SequenceConstruct(%x) %t = SequenceInsert(%s, %y) output %t', ['sequence(float32[n,?])']],
    ['%s = SequenceEmpty() %t = SequenceInsert(%s, %y) output %t', ['sequence(float32[n,5])']],
    [
      '%s = SequenceEmpty() %t = SequenceInsert(%s, %y) %u = SequenceInsert(%t, %x) output %u',
      ['sequence(float32[n,?])'],
    ],
    ['%s = SequenceConstruct(%x) %t = SequenceErase(%s) output %t', ['sequence(float32[n,4])']],
    ['%s = SequenceEmpty() {dtype: 7} output %s', ['sequence(int64[?…])']],
    ['%s = SequenceConstruct(%x) %n = SequenceLength(%s) output %n', ['int64[]']],
    [
      '%s = SequenceConstruct(%x, %y) %z = ConcatFromSequence(%s) {axis: 1} %w = ConcatFromSequence(%s) {axis: 0, new_axis: 1} output %z output %w',
      ['float32[n,?]', 'float32[?,n,?]'],
    ],
    [
      '%s = SplitToSequence(%x) {axis: 1} %t = SplitToSequence(%x) {axis: 1, keepdims: 0} output %s output %t',
      ['sequence(float32[n,1])', 'sequence(float32[n])'],
    ],
    [
      'init %two = int64[] {2} init %three = int64[] {3} %s = SplitToSequence(%x, %two) {axis: 1} %t = SplitToSequence(%x, %three) {axis: 1} output %s output %t',
      ['sequence(float32[n,2])', 'sequence(float32[n,?])'],
    ],
    [
      '%o = Optional(%x) %h = OptionalHasElement(%o) %e = OptionalGetElement(%o) output %o output %h output %e',
      ['optional(float32[n,4])', 'bool[]', 'float32[n,4]'],
    ],
    ['%e = OptionalGetElement(%x) output %e', ['float32[n,4]']],
    ['%s = SequenceConstruct(%x) %t = Identity(%s) output %t', ['sequence(float32[n,4])']],
    [
      '%s = SequenceConstruct(%x) %t = SequenceMap(%s, %y) {body: graph body { input %a: float32[n,4] input %b: float32[n,5] %c = Concat(%a, %b) {axis: 1} output %c }} output %t',
      ['sequence(float32[n,9])'],
    ],
  ])('%s', (text, expected) => {
    expect(typesOf(`${inputs} ${text}`)).toEqual(expected);
  });
});

describe('graphs inside a node', () => {
  it('Scan: states keep their shape, results gain the scanned axis', () => {
    const body =
      'graph body { input %s: float32[3] input %r: float32[3] %t = Add(%s, %r) %u = Neg(%t) output %t output %u }';
    expect(
      typesOf(`input %state: float32[3] input %rows: float32[n,3]
        %last, %all = Scan(%state, %rows) {num_scan_inputs: 1, body: ${body}}
        %_, %across = Scan(%state, %rows) {num_scan_inputs: 1, scan_output_axes: [-1], body: ${body}}
        output %last output %all output %across`),
    ).toEqual(['float32[3]', 'float32[n,3]', 'float32[3,n]']);
  });
});
