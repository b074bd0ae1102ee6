import { type DType, dtypes, type Model, modelOf, Node, type Tensor, tensor, Value } from '../src/index.js';

/** Elements with the extremes of each type. */
const samples: { readonly [D in DType]: () => Tensor } = {
  float32: () => tensor('float32', [6], Float32Array.of(0, -0, 0.1, Number.NaN, -Infinity, 3.4e38)),
  float64: () => tensor('float64', [2, 2], Float64Array.of(0.1, -0, Number.MAX_VALUE, Infinity)),
  float16: () => tensor('float16', [2], Uint16Array.of(0x3c00, 0xffff)),
  bfloat16: () => tensor('bfloat16', [2], Uint16Array.of(0x3f80, 0x8000)),
  int8: () => tensor('int8', [2], Int8Array.of(-128, 127)),
  int16: () => tensor('int16', [2], Int16Array.of(-32768, 32767)),
  int32: () => tensor('int32', [1, 2], Int32Array.of(-(2 ** 31), 2 ** 31 - 1)),
  int64: () => tensor('int64', [2], BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n)),
  uint8: () => tensor('uint8', [3], Uint8Array.of(0, 1, 255)),
  uint16: () => tensor('uint16', [], Uint16Array.of(65535)),
  uint32: () => tensor('uint32', [1], Uint32Array.of(2 ** 32 - 1)),
  uint64: () => tensor('uint64', [1], BigUint64Array.of(2n ** 64n - 1n)),
  bool: () => tensor('bool', [0], new Uint8Array(0)),
  complex64: () => tensor('complex64', [2], Float32Array.of(1, -0, 0.1, Number.NaN)),
  complex128: () => tensor('complex128', [1, 1], Float64Array.of(0.1, -Infinity)),
  float8e4m3fn: () => tensor('float8e4m3fn', [3], Uint8Array.of(0, 0x7f, 0xff)),
  float8e4m3fnuz: () => tensor('float8e4m3fnuz', [1], Uint8Array.of(0x80)),
  float8e5m2: () => tensor('float8e5m2', [2], Uint8Array.of(0x7c, 0xfc)),
  float8e5m2fnuz: () => tensor('float8e5m2fnuz', [], Uint8Array.of(1)),
  float8e8m0: () => tensor('float8e8m0', [2], Uint8Array.of(0, 255)),
  uint4: () => tensor('uint4', [3], Uint8Array.of(0, 9, 15)),
  int4: () => tensor('int4', [5], Int8Array.of(-8, 7, -1, 0, 1)),
  float4e2m1: () => tensor('float4e2m1', [2], Uint8Array.of(15, 1)),
  uint2: () => tensor('uint2', [5], Uint8Array.of(0, 1, 2, 3, 2)),
  int2: () => tensor('int2', [3], Int8Array.of(-2, 1, -1)),
  float6e2m3: () => tensor('float6e2m3', [5], Uint8Array.of(63, 0, 33, 1, 42)),
  float6e3m2: () => tensor('float6e3m2', [1], Uint8Array.of(21)),
  string: () => tensor('string', [3], ['', 'zwölf "12"', 'a\nb']),
};

/** A model that runs nowhere but has every element type and every type of attribute, names that need quotes, and depth. */
export function everything(): Model {
  const constants = (Object.keys(dtypes) as DType[]).map((dtype) => {
    const content = samples[dtype]();
    const value = new Value(`the ${dtype}`, dtype, content.dims);
    value.tensor = content;
    return value;
  });
  const inputs = [
    new Value('x:0', 'float32', ['batch', 4, null, '3', '2*batch']),
    new Value('rank unknown', 'int64'),
    new Value('scalar', 'bool', []),
  ];
  const inner = new Value('inner');
  const innermost = { name: 'innermost', inputs: [], outputs: [inner], initializers: [], nodes: [] as Node[] };
  innermost.nodes.push(new Node('Op', [inputs[0], constants[0]], [inner]));
  const middle = new Value('middle', 'float32');
  const body = { name: 'a body', inputs: [], outputs: [middle], initializers: [], nodes: [] as Node[] };
  body.nodes.push(new Node('Nest', [], [middle], { graph: { type: 'graph', value: innermost } }, 'test domain'));
  const results = [new Value('first', 'float32', [1]), new Value(''), new Value('last')];
  const node = new Node(
    'Op',
    [inputs[0], undefined, ...constants],
    results,
    {
      float: { type: 'float', value: 1e-5 },
      whole: { type: 'float', value: -0 },
      int: { type: 'int', value: -(2 ** 40) },
      string: { type: 'string', value: 'naïve "text"\n' },
      ...{
        floats: { type: 'floats', value: [1, 0.1, Number.NaN, -Infinity] },
        noFloats: { type: 'floats', value: [] },
      },
      ...{ ints: { type: 'ints', value: [0, -1, 2 ** 53] }, noInts: { type: 'ints', value: [] } },
      ...{ strings: { type: 'strings', value: ['', 'ü'] }, noStrings: { type: 'strings', value: [] } },
      tensor: { type: 'tensor', value: samples.string() },
      __proto__x: { type: 'tensor', value: samples.int64() },
      graph: { type: 'graph', value: body },
    },
    'test domain',
    'node 1',
  );
  const model = modelOf(
    { name: 'every thing', inputs, outputs: results.slice(0, 1), initializers: constants, nodes: [node] },
    { key: 'value "quoted"', empty: '' },
  );
  model.opsets['test domain'] = 3;
  return model;
}

/** mulberry32: the same numbers every time. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A valid float32 model of random nodes over [2, 3] tensors, with repeats, identities and dead ends; outputs `y0`, `y1`. */
export function randomModel(seed: number): Model {
  const next = random(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
  const inputs = [new Value('a', 'float32', ['n', 3]), new Value('b', 'float32', ['n', 3])];
  const scale = new Value('scale', 'float32', []);
  scale.tensor = tensor('float32', [], Float32Array.of(1.5));
  const offset = new Value('offset', 'float32', [1]);
  offset.tensor = tensor('float32', [1], Float32Array.of(0.25));
  const constants = [scale, offset];
  const values: Value[] = [...inputs, ...constants];
  const nodes: Node[] = [];
  for (let i = 0; i < 30; i++) {
    const op = pick(['Add', 'Mul', 'Sub', 'Neg', 'Tanh', 'Identity', 'Dropout', 'Add']);
    const operands = ['Add', 'Mul', 'Sub'].includes(op) ? [pick(values), pick(values)] : [pick(values)];
    const out = new Value(`v${i}`);
    nodes.push(new Node(op, operands, [out]));
    values.push(out);
  }
  const outputs = ['y0', 'y1'].map((name, i) => {
    const out = new Value(name);
    nodes.push(new Node('Tanh', [values.at(-1 - i)], [out]));
    return out;
  });
  return modelOf({ name: `random ${seed}`, inputs, outputs, initializers: constants, nodes });
}
