import { eliminateDeadCode, inferModel, parse, print, runPasses, sortNodes } from '@neuroprune/onnx';
import { expect, it } from 'vitest';
import { evaluate } from '../test/evaluate.js';
import { gatherCasts } from './casts.js';

const head = 'onnx 11 "t"\nopset "" 23\ngraph g {\n  input %x: float32[4]\n';

const parts = (second: string) => `${head}  %a, %b = Split(%x) {axis: 0, num_outputs: 2}
  %la = Cast(%a) {to: 10}
${second}
  %ha = Cast(%la) {to: 1}
  %hb = Cast(%lb) {to: 1}
  %whole = Concat(%ha, %hb) {axis: 0}
  %y = Neg(%whole)
  output %y
}`;

const nodes = (text: string) => {
  const model = inferModel(parse(text));
  const { modified } = gatherCasts(model);
  runPasses(model, [eliminateDeadCode, sortNodes]);
  return { model, modified, types: model.graph.nodes.map((n) => n.opType) };
};

it('casts a whole instead of its parts, before a Split and after a Concat', async () => {
  const text = parts('  %lb = Cast(%b) {to: 10}');
  const { model, types } = nodes(text);
  expect(types).toEqual(['Cast', 'Split', 'Concat', 'Cast', 'Neg']);
  const x = { dtype: 'float32', dims: [4], data: Float32Array.of(0.1, -2.3, 1e-3, 7) } as const;
  expect(await evaluate(model, { x })).toEqual(await evaluate(parse(text), { x }));
});

it('keeps the parts where one of them is cast to another type', () => {
  const { model, modified } = nodes(
    parts('  %bb = Cast(%b) {to: 16}\n  %bh = Cast(%bb) {to: 1}\n  %lb = Cast(%bh) {to: 11}'),
  );
  expect(modified).toBe(false);
  expect(print(model)).toContain('%lb');
});

it('keeps the float32 parts that others read', () => {
  const { types } = nodes(
    parts('  %lb = Cast(%b) {to: 10}').replace('%y = Neg(%whole)', '%s = Concat(%whole, %a) {axis: 0}\n  %y = Neg(%s)'),
  );
  expect(types.filter((t) => t === 'Split')).toHaveLength(2);
  expect(types.filter((t) => t === 'Cast')).toHaveLength(2);
});

it('leaves a cast that is an output of the graph', () => {
  const text = parts('  %lb = Cast(%b) {to: 10}').replace('output %y', 'output %y\n  output %la');
  expect(nodes(text).model.graph.outputs.map((v) => v.name)).toEqual(['y', 'la']);
  expect(nodes(text).types).toContain('Split');
});
