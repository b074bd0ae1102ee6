import { codeOf, GraphBuilder, type Model, modelOf } from '@neuroprune/onnx';

/** x + x in float16, by which a device shows that it has the type. */
export function halfSum(): Model {
  const builder = new GraphBuilder();
  const x = builder.op.Cast(builder.input('x', 'float32', [1]), { to: codeOf('float16') });
  builder.output(builder.op.Cast(builder.op.Add(x, x), { to: codeOf('float32') }), 'y');
  return modelOf(builder.graph);
}
