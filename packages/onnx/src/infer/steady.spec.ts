import { expect, test } from 'vitest';
import { inferModel, parse } from '../index.js';
import { showShape } from '../shape.js';

/** Shapes of a loop's results, over a state [n, 4] whose body is this and names no shape of it. */
function shapesOf(body: string): string[] {
  const text = `graph g { input %m: int64[] input %c: bool[] input %x: float32[n,4] input %k: float32[4]
    %y, %z = Loop(%m, %c, %x) { body: graph body { input %i input %d input %s ${body} output %d output %t output %u } }
    output %y output %z }`;
  return inferModel(parse(text)).graph.outputs.map((v) => `${v.dtype}${showShape(v.shape)}`);
}

test.each([
  ['as it came', '%t = Add(%s, %k) %u = Neg(%t)', ['float32[n,4]', 'float32[?,n,4]']],
  ['longer each time', '%t = Concat(%s, %s) {axis: 0} %u = Neg(%t)', ['float32[?…]', 'float32[?…]']],
  ['turned', '%t = Transpose(%s) %u = Neg(%t)', ['float32[?…]', 'float32[?…]']],
  ['of another rank', '%t = Unsqueeze(%s) {axes: [0]} %u = Neg(%t)', ['float32[?…]', 'float32[?…]']],
])('a state that is handed on %s', (_, body, expected) => {
  expect(shapesOf(body)).toEqual(expected);
});

test('a body with a loop in it is inferred once', () => {
  const inner = 'graph inner { input %j input %e input %v %w = Add(%v, %k) output %e output %w }';
  expect(shapesOf(`%t = Loop(%i, %d, %s) { body: ${inner} } %u = Neg(%t)`)).toEqual(['float32[?…]', 'float32[?…]']);
});
