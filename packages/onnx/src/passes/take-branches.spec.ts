import { describe, expect, it } from 'vitest';
import { run } from '../../test/run.js';
import { check, cloneModel, float32, type Model, parse, print, runPasses, takeBranches, writeModel } from '../index.js';
import { eliminateIdentity } from './eliminate-identity.js';

const text = (graph: string, opset = 20, inputs = 'input %x: float32[batch,3]'): Model =>
  parse(`onnx 10 ""\nopset "" ${opset}\ngraph g {\n${inputs}\n${graph}\noutput %y\n}\n`);
const branch = (name: string, lines: string, result = '%r') => `graph ${name} { ${lines} output ${result} }`;
const choose = (condition: string, then: string, otherwise: string, y = '%y') =>
  `${y} = If(${condition}) {then_branch: ${then}, else_branch: ${otherwise}}`;

const neg = branch('t', '%r = Neg(%x)');
const exp = branch('e', '%r = Exp(%x)');
const x = float32([3, -1, 2, 0.5, -2, 1], [2, 3]);
const operators = ({ graph }: Model) => graph.nodes.map(({ opType }) => opType);
const kept = (model: Model) => operators(model).filter((op) => op === 'Neg' || op === 'Exp' || op === 'If');

const dims =
  '%s = Shape(%x)\n%zero = Constant() {value_int: 0}\n%one = Constant() {value_int: 1}\n%two = Constant() {value_int: 2}';

describe('takeBranches', () => {
  it.each<[string, string, string]>([
    ['a constant', '%c = Constant() {value: bool[] {1}}', 'Neg'],
    ['a constant that is false', '%c = Constant() {value: bool[] {0}}', 'Exp'],
    ['a rank', `${dims}\n%r0 = Size(%s)\n%c = Equal(%r0, %two)`, 'Neg'],
    ['another rank', `${dims}\n%r0 = Size(%s)\n%c = Equal(%r0, %one)`, 'Exp'],
    ['a number among the sizes', `${dims}\n%w = Gather(%s, %one)\n%c = Equal(%w, %one)`, 'Exp'],
    [
      'two sizes of one name, as scripted functions compare them',
      `${dims}\n%h = Transpose(%x) {perm: [1, 0]}\n%hs = Shape(%h)\n%a = Gather(%s, %zero)\n%b = Gather(%hs, %one)\n%q = Equal(%a, %b)\n%n = Not(%q)\n%c = Cast(%n) {to: 9}`,
      'Exp',
    ],
  ])('takes the branch that %s decides', async (_, condition, taken) => {
    const model = text(`${condition}\n${choose('%c', neg, exp)}`);
    const expected = await run(cloneModel(model), { x });
    expect(takeBranches(model)).toEqual({ model, modified: true });
    check(model);
    expect(kept(model)).toEqual([taken]);
    expect(model.graph.outputs[0]).toMatchObject({ name: 'y', dtype: 'float32', shape: ['batch', 3] });
    expect(await run(writeModel(model), { x })).toEqual(expected);
    expect(takeBranches(model).modified).toBe(false);
  });

  it.each([
    ['hangs on the input', '%z = ReduceSum(%x) {keepdims: 0}\n%c = Cast(%z) {to: 9}'],
    ['hangs on a size that may be anything', `${dims}\n%b = Gather(%s, %zero)\n%c = Equal(%b, %one)`],
  ])('leaves what %s', (_, condition) => {
    const model = text(`${condition}\n${choose('%c', neg, exp)}`);
    expect(takeBranches(model).modified).toBe(false);
    expect(kept(model)).toEqual(['If']);
  });

  it('leaves what a default decides that others may be given for', () => {
    const model = text(choose('%c', neg, exp), 20, 'input %x: float32[batch,3]\ninput %c: bool[]');
    const [, condition] = model.graph.inputs;
    condition!.tensor = { dtype: 'bool', dims: [], data: Uint8Array.of(1) };
    expect(takeBranches(model).modified).toBe(false);
  });

  it('takes branches inside others, and those inside graphs that stay', async () => {
    const yes = '%c = Constant() {value: bool[] {1}}';
    const inner = choose('%c', branch('t2', '%r2 = Neg(%h)', '%r2'), branch('e2', '%q2 = Exp(%h)', '%q2'), '%r');
    const outer = choose('%c', branch('t', `%h = Tanh(%x)\n${inner}`), exp, '%k');
    const late = choose('%d', branch('t3', choose('%c', neg, exp, '%p'), '%p'), branch('e3', '%o = Exp(%k)', '%o'));
    const model = text(`${yes}\n%z = ReduceSum(%x) {keepdims: 0}\n%d = Cast(%z) {to: 9}\n${outer}\n${late}`);
    const expected = await run(cloneModel(model), { x });
    takeBranches(model);
    check(model);
    expect(kept(model)).toEqual(['Neg', 'If']);
    expect(print(model).match(/= If\(/g)).toHaveLength(1);
    expect(await run(writeModel(model), { x })).toEqual(expected);
  });

  it('gives names that several branches use to one thing each, and keeps the others', async () => {
    const yes = '%c = Constant() {value: bool[] {1}}';
    const first = branch('t', '%same = Neg(%x) @node\n%own = Exp(%same)', '%own');
    const second = branch('t', '%same = Tanh(%h) @node\n%r = Exp(%same)');
    const model = text(`${yes}\n${choose('%c', first, exp, '%h')}\n${choose('%c', second, exp)}`);
    const expected = await run(cloneModel(model), { x });
    takeBranches(model);
    check(model);
    const names = model.graph.nodes.flatMap(({ outputs }) => outputs.map(({ name }) => name));
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(expect.arrayContaining(['own', 'h', 'y']));
    expect(model.graph.nodes.map(({ name }) => name)).not.toContain('node');
    expect(await run(writeModel(model), { x })).toEqual(expected);
  });

  it('brings what a branch holds beside its nodes, and hands on what it only names', async () => {
    const yes = '%c = Constant() {value: bool[] {1}}';
    const scaled = branch('t', 'init %w = float32[3] {1, 2, 3} %r = Mul(%x, %w)');
    const handed = branch('t', '', '%h');
    const model = text(`${yes}\n${choose('%c', scaled, exp, '%h')}\n${choose('%c', handed, exp)}`);
    takeBranches(model);
    check(model);
    expect(model.graph.initializers.map(({ name }) => name)).toEqual(['w']);
    const results = await run(writeModel(runPasses(model, [eliminateIdentity]).model), { x });
    expect(Array.from(results.y?.data as Float32Array)).toEqual([3, -2, 6, 0.5, -4, 3]);
  });

  it('reads conditions in the operator set of the model', async () => {
    const condition =
      '%s = Shape(%x)\n%one = Constant() {value: int64[] {1}}\n%a = Slice(%s) {starts: [0], ends: [1]}\n%b = Slice(%s) {starts: [-2], ends: [-1]}\n%q = Equal(%a, %b)\n%c = Not(%q)';
    const model = text(`${condition}\n${choose('%c', neg, exp)}`, 9);
    takeBranches(model);
    expect(kept(model)).toEqual(['Exp']);
    expect(Array.from((await run(writeModel(model), { x })).y?.data as Float32Array)[1]).toBeCloseTo(Math.exp(-1));
  });
});
