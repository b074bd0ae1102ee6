/** The harness itself: it has to notice what it is there to notice. */
import { float32, GraphBuilder, type Model, modelOf, Node, readModel, Value, writeModel } from '@neuroprune/onnx';
import { describe, expect, test } from 'vitest';
import { firstDifference, meaningOf } from '../src/canonical.js';
import { type Case, readCase } from '../src/cases.js';
import { missingData } from '../src/data.js';
import { innerClaims } from '../src/inner.js';
import { runCase } from '../src/ort.js';
import { portsOf, type Recorded } from '../src/recorded.js';
import { examineAll } from '../src/run.js';
import { claimsOf } from '../src/shapes.js';
import { message } from '../src/wire.js';

const missing = await missingData();

/** A recorded value with its last byte, which is the highest one of the last element, changed. */
function changed(value: Recorded): Recorded {
  if (value.kind === 'sequence')
    return { ...value, items: [...value.items.slice(0, -1), changed(value.items.at(-1)!)] };
  if (value.kind === 'optional') return value.value ? { ...value, value: changed(value.value) } : value;
  const bytes = Uint8Array.from(value.bytes);
  bytes[bytes.length - 1]! ^= 0x55;
  return { ...value, bytes };
}

const withOutputs = (test: Case, change: (outputs: readonly Recorded[]) => readonly Recorded[]): Case => ({
  ...test,
  sets: test.sets.map((set) => ({ ...set, outputs: change(set.outputs) })),
});

describe.skipIf(missing)('recorded outputs', () => {
  test.each([
    ['plain', 'node/test_add'],
    ['16-bit', 'node/test_cast_FLOAT_to_FLOAT16'],
    ['bfloat16', 'node/test_cast_FLOAT_to_BFLOAT16'],
    ['float8', 'node/test_cast_FLOAT_to_FLOAT8E5M2'],
    ['4-bit', 'node/test_cast_FLOAT_to_UINT4'],
    ['sequence', 'node/test_sequence_insert_at_back'],
    ['optional', 'node/test_identity_opt'],
  ])('a changed element is noticed: %s', async (_, id) => {
    const real = readCase(id);
    expect(await runCase(real.model, real)).toBeUndefined();
    expect(
      await runCase(
        real.model,
        withOutputs(real, (outputs) => outputs.map(changed)),
      ),
    ).toMatch(/expected .* got/);
  });

  test('a sequence with an element too many is noticed', async () => {
    const real = readCase('node/test_sequence_insert_at_back');
    const more = withOutputs(real, ([first]) =>
      first?.kind === 'sequence' ? [{ ...first, items: first.items.slice(0, -1) }] : [],
    );
    expect(await runCase(real.model, more)).toMatch(/length: expected/);
  });

  test('a test that ends its process is a crash, and the next one runs', async () => {
    const [crash, next] = await examineAll(['node/not_there', 'node/test_abs'], { run: true });
    expect(crash).toMatchObject({ id: 'node/not_there', original: 'crash', written: 'crash', lifted: null });
    expect(next).toMatchObject({ id: 'node/test_abs', original: undefined, written: undefined, lifted: undefined });
  });
});

/** y = Identity(x + 1), with its recorded output of these dimensions. */
function small(
  opType = 'Identity',
  domain = '',
): { model: Model; of: (dims: readonly number[], code?: number) => Case } {
  const b = new GraphBuilder();
  const sum = b.op.Add(b.input('x', 'float32', ['n', 3]), 1);
  const y = new Value('y', 'float32', ['n', 3]);
  b.graph.nodes.push(new Node(opType, [sum], [y], {}, domain));
  b.graph.outputs.push(y);
  const model = modelOf(b.graph);
  const bytes = writeModel(model);
  const recorded = (dims: readonly number[], code = 1): Recorded => ({ kind: 'tensor', code, dims, bytes });
  const of = (dims: readonly number[], code?: number): Case => ({
    ...{ id: 'small', folder: '', model: bytes, ports: portsOf(bytes) },
    sets: [{ inputs: [recorded([2, 3])], outputs: [recorded(dims, code)] }],
  });
  return { model, of };
}

test.each([
  [[2, 3], 1, undefined],
  [[4, 3], 1, 'float32[4,3]'],
  [[2, 3, 1], 1, 'float32[2,3,1]'],
  [[2, 3], 7, 'int64[2,3]'],
])('a claim against recorded %j of type %d', (dims, code, actual) => {
  const { model, of } = small();
  const claims = ['y: claims float32[n,3]', 'y: claims float32[n,input0_axis1]'];
  const [plain, named] = actual ? claims.map((claim) => `${claim}, is ${actual}`) : [];
  expect(claimsOf(model, of(dims, code)).wrong).toEqual(actual ? [plain, `${named} (axes named)`] : []);
});

test('an output of an unknown operator is unclaimed, and the operator named', () => {
  const { model, of } = small('Mystery', 'com.example');
  expect(claimsOf(model, of([2, 3]))).toMatchObject({ wrong: [], unclaimed: ['com.example.Mystery'] });
});

test.each<[string, (model: Model) => void]>([
  ['an operator', ({ graph }) => graph.nodes.push(new Node('Neg', [graph.outputs[0]!], [new Value('z')]))],
  ['a name', ({ graph }) => Object.assign(graph.outputs[0]!, { name: 'other' })],
  ['an element', ({ graph }) => Object.assign(graph.initializers[0]!.tensor!.data, [2])],
  ['a dimension', ({ graph }) => Object.assign(graph.inputs[0]!, { shape: ['n', 4] })],
  ['an element type', ({ graph }) => Object.assign(graph.inputs[0]!, { dtype: 'float64' })],
  ['an operator set', (model) => Object.assign(model.opsets, { '': 19 })],
  ['metadata', (model) => Object.assign(model.metadata, { key: 'value' })],
])('%s that changed is noticed', async (_, change) => {
  const bytes = writeModel(small().model);
  const model = await readModel(bytes);
  expect(firstDifference(meaningOf(bytes), meaningOf(writeModel(model)))).toBeUndefined();
  change(model);
  expect(firstDifference(meaningOf(bytes), meaningOf(writeModel(model)))).toMatch(/became/);
});

/** y = Identity(x + ones), over ones of these dimensions. */
function sum(dims: readonly number[]): Model {
  const b = new GraphBuilder();
  const one = b.initializer('one', float32(new Float32Array(dims.reduce((n, d) => n * d, 1)).fill(1), dims));
  b.output(b.op.Identity(b.op.Add(b.input('x', 'float32', ['n', 3]), one)), 'y');
  return modelOf(b.graph);
}

test.each([
  [[1, 3], []],
  [[1, 1, 3], ['Add_0: claims float32[n,3], is float32[1,2,3]']],
])('inner claims of a model that runs with %j', async (dims, wrong) => {
  const bytes = message([1, 2], [1, 3], [2, 1], [9, new Uint8Array(24)]);
  const x: Recorded = { kind: 'tensor', code: 1, dims: [2, 3], bytes };
  const ran = writeModel(sum(dims));
  const of: Case = { id: 'sum', folder: '', model: ran, ports: portsOf(ran), sets: [{ inputs: [x], outputs: [] }] };
  const found = await innerClaims(sum([1, 3]), ran, of);
  expect(found.compared).toBe(2);
  expect(found.wrong.slice(0, 1)).toEqual(wrong);
});

test('elements of a computed shape that are claimed wrong are noticed', async () => {
  const shapeOf = (size: number): Model => {
    const b = new GraphBuilder();
    b.output(b.op.Identity(b.op.Shape(b.op.Add(b.initializer('c', float32(new Float32Array(size))), 1))), 'y');
    return modelOf(b.graph);
  };
  const ran = writeModel(shapeOf(4));
  const of: Case = { id: 'shape', folder: '', model: ran, ports: portsOf(ran), sets: [{ inputs: [], outputs: [] }] };
  expect((await innerClaims(shapeOf(4), ran, of)).wrong).toEqual([]);
  expect((await innerClaims(shapeOf(5), ran, of)).wrong).toContain('Shape_0: claims the elements 5, is 4');
});
