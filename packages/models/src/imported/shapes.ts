import { cloneModel, inferModel, type Model, type Shape } from '@neuroprune/onnx';
import { ModelsError } from '../errors.js';

/** Sizes of every value, by name, for one size of batch. */
export type Shapes = ReadonlyMap<string, readonly number[]>;

/** Rows of the batch that the shapes are worked out for. */
const ROWS = 3;

/** Lengths tried, in order: odd ones first, so that no size of a head is taken for a length; an export may allow only one. */
const LENGTHS = [7, 11, 13, 5, 3, ...Array.from({ length: 64 }, (_, i) => i + 1), 128, 256, 384, 512];

/**
 * The shapes of all values in numbers, as they are for a small batch: where exporters compute shapes, names alone do not
 * say which axis holds the heads. Throws where no length gives every value a shape.
 */
export function concreteShapes(model: Model): Shapes {
  let reason = '';
  for (const length of LENGTHS) {
    const copy = sized(model, length);
    try {
      inferModel(copy);
      const [logits] = copy.graph.outputs;
      if (isKnown(logits?.shape)) return shapesOf(copy);
    } catch (error) {
      reason ||= (error as Error).message;
    }
  }
  throw new ModelsError(
    `graph: expected shapes that follow from the inputs', got none for its output${reason && ` (${reason})`}`,
  );
}

const isKnown = (shape: Shape | undefined): shape is readonly number[] =>
  shape?.every((d) => typeof d === 'number') ?? false;

/** A copy with inputs of so many rows and tokens, and nothing known of any result. */
function sized(model: Model, length: number): Model {
  const copy = cloneModel(model);
  for (const input of copy.graph.inputs)
    input.shape = input.shape?.map((d, axis) => (typeof d === 'number' ? d : axis === 0 ? ROWS : length)) ?? [];
  for (const { outputs } of copy.graph.nodes)
    for (const value of outputs) {
      value.shape = undefined;
      value.elements = undefined;
    }
  return copy;
}

function shapesOf({ graph }: Model): Shapes {
  const values = [...graph.inputs, ...graph.initializers, ...graph.nodes.flatMap(({ outputs }) => outputs)];
  return new Map(values.flatMap(({ name, shape }) => (isKnown(shape) ? [[name, shape]] : [])));
}
