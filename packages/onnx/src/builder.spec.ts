import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../test/run.js';
import { check, float32, GraphBuilder, modelOf, printGraph } from './index.js';

const root = path.resolve(import.meta.dirname, '../../..');

describe('types', () => {
  it('refuse wrong operands and attributes: all specs and test/builder.types.ts compile', () => {
    const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
    const args = [tsc, '-p', path.join(import.meta.dirname, '../tsconfig.spec.json')];
    const output = (() => {
      try {
        return execFileSync(process.execPath, args, { encoding: 'utf8' });
      } catch (error) {
        return (error as { stdout: string }).stdout;
      }
    })();
    expect(output).toBe('');
  });
});

describe('GraphBuilder', () => {
  it('gives numbers the type of the other operand, and one name to equal constants', () => {
    const b = new GraphBuilder();
    const { op } = b;
    const [x, i] = [b.input('x', 'float32', [2]), b.input('i', 'int64', [2])];
    b.output(op.Add(op.Mul(x, 2), 2), 'y');
    b.output(op.Mul(2, i), 'z');
    op.Mul(x, -0);
    op.Mul(x, 0);
    expect(b.graph.initializers.map((v) => `${v.name} ${v.dtype} ${v.tensor?.data}`)).toEqual([
      'const_0 float32 2',
      'const_1 int64 2',
      'const_2 float32 0',
      'const_3 float32 0',
    ]);
    check(modelOf(b.graph));
  });

  it('names outputs: a result takes the name, anything else goes through Identity', async () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [1]);
    const y = b.op.Neg(x);
    b.output(y, 'y');
    b.output(y, 'again');
    b.output(x, 'same');
    expect(b.graph.nodes.map((n) => n.opType)).toEqual(['Neg', 'Identity', 'Identity']);
    const results = await run(modelOf(b.graph), { x: float32([3]) });
    expect(Object.fromEntries(Object.entries(results).map(([k, v]) => [k, v.data[0]]))).toEqual({
      y: -3,
      again: -3,
      same: 3,
    });
  });

  it('goes on with a graph without taking a name twice, and shares names and constants with subgraphs', () => {
    const first = new GraphBuilder();
    const x = first.input('x', 'float32', [1]);
    first.op.Neg(x);
    const b = new GraphBuilder(first.graph);
    const inner = b.subgraph('inner');
    const two = b.scalar(2);
    expect(inner.scalar(2)).toBe(two);
    expect([b.op.Neg(x).name, inner.op.Neg(x).name]).toEqual(['Neg_1', 'Neg_2']);
    expect(() => inner.input('x', 'float32', [])).toThrow(/expected a new name, got 'x' again/);
    expect(printGraph(inner.graph)).toBe('graph inner {\n  %Neg_2: float32[1] = Neg(%x)\n}\n');
  });

  it('refuses shapes that do not fit, when the node is made', () => {
    const b = new GraphBuilder();
    const [x, w] = [b.input('x', 'float32', ['n', 4]), b.input('w', 'float32', [3, 5])];
    expect(() => b.op.MatMul(x, w)).toThrow(/MatMul: inner dimensions differ, \[n,4\] x \[3,5\]/);
    expect(() => b.op.Add(x, w)).toThrow(/broadcast: dimensions 4 and 5 differ/);
    expect(() => b.op.Reshape(w, b.ints(4, 4))).toThrow(/Reshape: expected 15 elements/);
  });
});
