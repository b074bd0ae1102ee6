import type { Graph, Node, Value } from '../model.js';
import { axisOf, type Shape } from '../shape.js';
import type { ValueType } from '../value-type.js';
import { bodyOf } from './control.js';
import { intsAttribute, numberAttribute } from './rule.js';
import { typeOf, withoutShape } from './types.js';

function giveType(value: Value | undefined, type: ValueType | undefined): void {
  if (!value || !type || value.type) return;
  if (type.kind !== 'tensor') {
    if (!value.dtype && !value.shape) value.type = type;
    return;
  }
  value.dtype ??= type.dtype;
  value.shape ??= type.shape;
}

const tensor = (value: Value | undefined, shape: Shape | undefined): ValueType => ({
  kind: 'tensor',
  dtype: value?.dtype,
  shape,
});

/** The count, the condition, then what is carried, which may change its shape from one run to the next. */
function typeLoop(node: Node, body: Graph): void {
  giveType(body.inputs[0], { kind: 'tensor', dtype: 'int64', shape: [] });
  giveType(body.inputs[1], { kind: 'tensor', dtype: 'bool', shape: [] });
  node.inputs.slice(2).forEach((v, i) => {
    const type = typeOf(v);
    giveType(body.inputs[i + 2], type && withoutShape(type));
  });
}

/** States, then one slice of each scanned input. Operator set 8 had batches, which are left out here. */
function typeScan(node: Node, body: Graph, opset: number): void {
  if (opset < 9) return;
  const states = node.inputs.length - numberAttribute(node, 'num_scan_inputs', 1);
  const axes = intsAttribute(node, 'scan_input_axes');
  node.inputs.forEach((v, i) => {
    const axis = v?.shape && axisOf(axes?.[i - states] ?? 0, v.shape.length);
    giveType(
      body.inputs[i],
      i < states
        ? typeOf(v)
        : tensor(
            v,
            v?.shape?.filter((_, j) => j !== axis),
          ),
    );
  });
}

/** An element of the sequence, and of each other sequence; tensors as they are. */
function typeMap(node: Node, body: Graph): void {
  node.inputs.forEach((v, i) => {
    giveType(body.inputs[i], v?.type?.kind === 'sequence' ? v.type.element : typeOf(v));
  });
}

/** Gives the inputs of a node's body the types they get from the node, where they have none of their own. */
export function typeBody(node: Node, opset: number): void {
  const body = node.domain === '' ? bodyOf(node, 'body') : undefined;
  if (!body) return;
  if (node.opType === 'Loop') typeLoop(node, body);
  else if (node.opType === 'Scan') typeScan(node, body, opset);
  else if (node.opType === 'SequenceMap') typeMap(node, body);
}
