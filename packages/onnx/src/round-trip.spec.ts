import { describe, expect, it } from 'vitest';
import { allGraphs, check, cloneModel, type Model, parse, print, readModel, rootGraphs, writeModel } from './index.js';

const full = (model: Model): string => print(model, { weights: true });
const header = 'onnx 10 "p"\nopset "" 20\n';
const model = (lines: string, name = 'g', more = header) =>
  `${more}graph ${name} {\n  ${lines.split('\n').join('\n  ')}\n}\n`;
const node = (attribute: string) => model(`%y = test::Op() {a: ${attribute}}\noutput %y`);
const typed = (type: string) => model(`input %x: ${type}\n%y: ${type} = test::Op(%x)\noutput %y`);
const element = (content: string) => model(`init %w = ${content}\noutput %w`);

/** Texts as `print` writes them: what each has, and all that must come back. */
const texts: readonly (readonly [what: string, text: string])[] = [
  [
    'a version of the format from before',
    model('input %x: float32[1]\n%y = Neg(%x)\noutput %y', 'g', 'onnx 3 ""\nopset "" 7\n'),
  ],
  ['an operator set of tomorrow', model('input %x\n%y = New(%x)\noutput %y', 'g', 'onnx 13 ""\nopset "" 99\n')],
  ['no operator set', model('input %x\noutput %x', 'g', 'onnx 10 ""\n')],
  [
    'all that a model says of itself',
    model(
      'input %x\noutput %x',
      'g',
      `onnx 10 "p" !{doc: "a \\"b\\"", unknown: "ogECCgA="}\nproducer-version "1.2"\ndomain "org.x"\nversion -3\nopset "" 20\nmeta "k" ""\nmeta "__proto__" "v"\n`,
    ),
  ],
  ['notes on graphs', model('input %x\noutput %x', 'g !{doc: "d", metadata: ["k", "v", "l", ""]}')],
  [
    'notes on values',
    model(
      'input %x: float32[2] !{doc: "d", metadata: ["k", "v"]}\n%y !{doc: "untyped"} = Neg(%x)\n%z = Neg(%y)\noutput %z',
    ),
  ],
  [
    'notes on nodes',
    model('input %x\n%y = Neg(%x) @n !{doc: "d", metadata: ["k", "v"], unknown: "UgMKAWE="}\noutput %y'),
  ],
  ['notes on tensors', model('init %w = float32[] {1} !{doc: "d", metadata: ["k", "v"]}\noutput %w')],
  ['notes on attributes', node('1 !{doc: "d"}')],
  ['denotations', model('input %x: float32[2,n] !{denotation: "TENSOR", axes: ["DATA_BATCH", ""]}\noutput %x')],
  ['a shape without a type', model('input %x: ?[2,n]\noutput %x')],
  [
    'names that need quotes',
    model('input %"a b": float32["c d","3",?]\n%"" = Neg(%"a b")\noutput %"a b"', '"a graph"'),
  ],
  ['overloads', model('%y = a.b::Op:v2()\n%z = Op:v3(%y) @n\noutput %z')],
  [
    'a sparse initializer',
    model('init %w = sparse [2,3] float32[2] {1, 2} @w at int64[2,2] {0, 1, 1, 2} @i\n%y = Neg(%w)\noutput %y'),
  ],
  ['a sparse one without elements', model('init %w = sparse [5] float32[0] {} @w at int64[0] {}\noutput %w')],
  [
    'quantization annotations',
    model(
      'init %x = float32[] {1}\ninit %s = float32[] {2}\noutput %x\nquantization %x {SCALE_TENSOR: %s, ZERO_POINT_TENSOR: "gone"}\nquantization "other" {}',
    ),
  ],
  ...[
    'sequence(float32[2])',
    'optional(sequence(string[]))',
    'sparse(float64[2,n])',
    'map(int64, ?[])',
    'opaque("d", "n")',
  ].map((type) => [`type ${type}`, typed(type)] as const),
  ...[
    'sequence(_)',
    'sequence(optional(map(string, float32[]) !{denotation: "D"}))',
    'map(?, _)',
    'sequence(float32)',
  ].map((type) => [`type ${type}`, typed(type)] as const),
  ...[
    ...['9223372036854775807', '-9223372036854775808', '9007199254740993', '[9007199254740993, 1]', '-1', 'ints[]'],
    ...['1.5', '-0.0', 'nan', '-inf', '[0.1, inf]', 'floats[]', '"text"', '"\\udcff\\u0000b"', '["a", "\\udc80"]'],
    ...[
      'strings[]',
      'tensors[]',
      'tensors[float32[] {1}, int4[3] {-8, 7, 1} @named]',
      'graphs[]',
      'types[]',
      'sparses[]',
    ],
    ...[
      'type float32[2]',
      'type _',
      'types[float32[2], _, sequence(int64)]',
      'reference ints alpha',
      'reference graph b',
    ],
    ...['sparse [4] float32[1] {7} at int64[1] {2}', 'sparses[sparse [4] float32[1] {7} at int64[1] {2}]'],
  ].map((attribute) => [`attribute ${attribute}`, node(attribute)] as const),
  ...[
    ...['complex64[1] {0.1, -0}', 'complex128[2] {1, 2, nan, 0.1}', 'float8e4m3fn[2] {0, 255}', 'float8e8m0[1] {127}'],
    ...['uint4[3] {1, 15, 2}', 'int4[5] {-8, 7, -1, 0, 3}', 'float4e2m1[1] {9}', 'uint2[5] {0, 1, 2, 3, 1}'],
    ...['int2[6] {-2, -1, 0, 1, -2, 1}', 'float6e2m3[5] {63, 1, 32, 0, 21}', 'float6e3m2[2] {42, 21}', 'int4[0] {}'],
    ...['string[2] {"\\udcfe", "\\ud83d\\ude00"}', 'bfloat16[] {49152}', 'uint64[1] {18446744073709551615}'],
  ].map((content) => [`elements ${content}`, element(content.replace('\\ud83d\\ude00', '😀'))] as const),
  [
    'graphs inside',
    model(`input %x
%y = Scan(%x) {body: graph b {
  input %s: float32[]
  init %one = float32[] {1}
  init %thin = sparse [1] float32[1] {1} @thin at int64[1] {0}
  %t = Add(%s, %x)
  output %t
  quantization %t {S: %one}
}, more: graphs[graph c {
  output %x
}, graph d {
}]}
output %y`),
  ],
  [
    'functions',
    `${model('input %x\n%y = my::f(%x) {alpha: 2.0}\noutput %y')}function my::f !{doc: "d", metadata: ["k", "v"]} {
  opset "" 18
  opset "my" 1
  attribute alpha
  attribute beta = 0.5
  attribute gamma = [1, 2] !{doc: "g"}
  input %a: float32[n]
  input %b
  %c: float32[n] = LeakyRelu(%a) {alpha: reference float alpha}
  %d = my::f:other(%c, _, %b)
  %e = If(%d) {else_branch: graph e {
    output %c
  }, then_branch: graph t {
    %f = Neg(%c)
    output %f
  }}
  output %e
}
function my::f:other {
  opset "" 20
  output %q
  %q = Constant() {value_float: 1.0}
}
`.replace('  output %q\n  %q = Constant() {value_float: 1.0}\n', '  %q = Constant() {value_float: 1.0}\n  output %q\n'),
  ],
];

describe('everything comes back', () => {
  it.each(texts)('%s', async (_, text) => {
    const parsed = parse(text);
    expect(full(parsed)).toBe(text);
    const written = writeModel(parsed);
    const read = await readModel(written);
    expect(full(read)).toBe(text);
    expect(Buffer.compare(writeModel(read), written)).toBe(0);
    expect(full(cloneModel(read))).toBe(text);
  });

  it('in copies that share no node and no value', () => {
    for (const [, text] of texts) {
      const original = parse(text);
      const graphs = (m: Model) => rootGraphs(m).flatMap(allGraphs);
      const values = (m: Model) =>
        graphs(m).flatMap((g) => [
          ...g.inputs,
          ...g.initializers,
          ...(g.sparse ?? []),
          ...g.nodes.flatMap((n) => n.outputs),
        ]);
      const own = new Set(values(original));
      expect(values(cloneModel(original)).filter((v) => own.has(v))).toEqual([]);
      const annotated = graphs(cloneModel(original)).flatMap((g) => g.quantization ?? []);
      for (const { value, parameters } of annotated) {
        for (const v of [value, ...Object.values(parameters)]) expect(typeof v === 'string' || !own.has(v)).toBe(true);
      }
    }
  });
});

describe('parse refuses with a reason', () => {
  it.each([
    ['graph g { input %x: sequence(float32 }', /expected '\)', got }/],
    [`graph g { input %x: ${'optional('.repeat(200)}float32`, /at most 128 levels/],
    [`graph g { ${'%y = If() {a: graph t { '.repeat(70)}`, /at most 128 levels/],
    ['graph g { } function f { output %x }', /expected 'x' to be defined/],
    ['graph g { } function a::f { } function a::f { }', /'a::f': expected each function once/],
    ['graph g { } function a::f { %y = a::f() }', /'a::f': expected no recursion/],
    [
      'graph g { } function a::f { %y = b::g() } function b::g { %y = If() {t: graph t { %z = a::f() }} }',
      /no recursion/,
    ],
    ['graph g { %y = Op() {a: reference alpha} }', /expected a type of attribute, got alpha/],
    ['graph g { %y = Op() !{say: "x"} }', /expected a kind of note, got say/],
    ['graph g { %a = Neg(%b) %b = Neg(%a) }', /expected no cycle, got one at Neg/],
    ['graph g { %a = If() {t: graph t { %c = Neg(%b) output %c }} %b = Neg(%a) }', /expected no cycle/],
    ['graph g { } function f { attribute a = graph x { } }', /a default without graphs/],
  ])('%s', (text, message) => {
    expect(() => parse(text)).toThrow(message);
  });
});

describe('check looks into functions', () => {
  const within = (body: string, call = 'my::f') =>
    `onnx 10 ""\nopset "" 20\nopset "my" 1\ngraph g { input %x: float32 %y = ${call}(%x) output %y }\nfunction my::f { opset "" 20 ${body} }`;
  it.each([
    ['attribute a input %x %y = LeakyRelu(%x) {alpha: reference float a} output %y'],
    ['attribute a = 1.0 input %x %y = LeakyRelu(%x) {alpha: reference float a} output %y'],
    ['input %x %y = If(%x) {then_branch: graph t { output %x }, else_branch: graph e { output %x }} output %y'],
  ])('accepts %s', (body) => {
    expect(() => check(parse(within(body)))).not.toThrow();
  });

  it.each([
    [
      'input %x %y = LeakyRelu(%x) {alpha: reference float b} output %y',
      /expected 'alpha' to refer to an attribute here, got 'b'/,
    ],
    ['input %x %y = Add(%x) output %y', /expected operand 'b', got none/],
    ['input %x %y = other::Op(%x) output %y', /operator set for domain 'other'/],
    ['input %x %z = Neg(%y) %y = Neg(%x) output %z', /expected 'y' before its use/],
    ['input %x init %w = float32[] {1} %y = Add(%x, %w) output %y', /function 'f': expected constants as nodes/],
    ['input %x %y = Cast(%x) {to: reference float b} attribute b output %y', /attribute 'to' as int, got float/],
  ])('refuses %s', (body, message) => {
    expect(() => check(parse(within(body)))).toThrow(message);
  });

  it('takes a call of a function for what it is, whatever its name', () => {
    const call = within('input %x %y = Neg(%x) output %y').replaceAll('my::f', 'Add').replace('opset "my" 1\n', '');
    expect(() => check(parse(call))).not.toThrow();
    expect(() => check(parse(call.slice(0, call.indexOf('function'))))).toThrow(/Add\(y\): expected operand 'b'/);
  });
});
