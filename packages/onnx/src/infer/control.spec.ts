import { expect, test } from 'vitest';
import { emptyGraph, type Graph, Node, Value } from '../model.js';
import { inferNode } from './infer.js';

function branch(size: number): Graph {
  const result = new Value('result', 'int64', [size]);
  result.elements = new Array<number>(size).fill(size);
  return { ...emptyGraph('branch'), outputs: [result] };
}

/** The type of `If` with branches that give [2, 2] and [3, 3, 3], where this is known of the condition. */
function typeOf(elements: Value['elements']) {
  const condition = new Value('condition', 'bool', []);
  condition.elements = elements;
  const attributes = {
    then_branch: { type: 'graph', value: branch(2) },
    else_branch: { type: 'graph', value: branch(3) },
  } as const;
  const [type] = inferNode(new Node('If', [condition], [new Value('y')], attributes));
  return { dtype: type?.dtype, shape: type?.shape, elements: type?.elements };
}

test.each([
  [[1], { dtype: 'int64', shape: [2], elements: [2, 2] }],
  [[0], { dtype: 'int64', shape: [3], elements: [3, 3, 3] }],
  [[null], { dtype: 'int64', shape: [null], elements: undefined }],
  [undefined, { dtype: 'int64', shape: [null], elements: undefined }],
])('If of a condition of which %j is known', (elements, expected) => {
  expect(typeOf(elements)).toEqual(expected);
});
