import {
  cloneModel,
  decompose,
  eliminateDeadCode,
  type Graph,
  inferModel,
  inlineFunctions,
  lift,
  type Model,
  type Node,
  subgraphs,
  takeBranches,
  type Value,
} from '@neuroprune/onnx';
import { ModelsError } from '../errors.js';
import { type Blocks, findBlocks } from './blocks.js';
import { writeConvolutions } from './convolution.js';
import { emptyCaches } from './empty-caches.js';
import { flattenMlps } from './flat-mlp.js';
import { fixedSize, type InputRole, rolesOf } from './inputs.js';
import { linearsOf, splitLinears, untieBiases, writeLinears } from './linear.js';
import { parametersOf } from './parameters.js';
import { refuseHalf, refuseQuantized } from './quantized.js';
import { followWeights } from './reshape.js';
import { concreteShapes } from './shapes.js';
import { tidy } from './tidy.js';
import { foldWeights } from './weights.js';

/** A graph that somebody exported, as it is trained: in this library's operator set, with its layers known. */
export interface ImportedGraph extends Blocks {
  /** One output, the logits; every linear layer in one form, shapes that follow the weights. */
  readonly model: Model;
  readonly roles: ReadonlyMap<InputRole, Value>;
  /** Initializers that are trained. */
  readonly parameters: readonly Value[];
  /** Columns of the logits. */
  readonly columns: number;
  /** Axes of the logits. */
  readonly rank: number;
  /** The inputs' one size, where there is only one; such a model can be looked at, not trained. */
  readonly fixedSize: string | undefined;
}

/**
 * Brings an ONNX model into the form that is trained, in place, and finds its layers. Throws an input error for quantized
 * graphs, control flow, caches, and logits of unknown width.
 */
export function importGraph(given: Model): ImportedGraph {
  const model = prepared(given);
  const { graph } = model;
  emptyCaches(graph);
  const roles = rolesOf(graph);
  const logits = logitsOf(graph);
  graph.outputs = [logits];
  eliminateDeadCode(model);
  tidy(model);
  foldWeights(model);
  inferModel(model);
  writeConvolutions(model);
  writeLinears(model, concreteShapes(model));
  tidy(inferModel(model));
  splitLinears(model);
  untieBiases(model);
  tidy(inferModel(model));
  const shapes = concreteShapes(model);
  const linears = linearsOf(model);
  const blocks = findBlocks({ model, shapes, linears });
  const kept = followWeights(model, shapes, blocks);
  flattenMlps(model, kept);
  inferModel(model);
  const dims = shapes.get(graph.outputs[0]!.name)!;
  return {
    ...kept,
    model,
    roles,
    parameters: parametersOf(model, linears),
    columns: dims.at(-1)!,
    rank: dims.length,
    fixedSize: fixedSize(roles),
  };
}

/** A copy in the current operator set, without functions, branches that are never taken, and operators of ONNX Runtime's own. */
function prepared(given: Model): Model {
  refuseQuantized(given.graph);
  const model = cloneModel(given);
  inlineFunctions(model);
  lift(model);
  takeBranches(model);
  tidy(model);
  decompose(model);
  refuseUnknown(model.graph.nodes);
  inferModel(model);
  refuseHalf(model.graph);
  return model;
}

function refuseUnknown(nodes: readonly Node[]): void {
  const flow = nodes.find((node) => subgraphs(node).length > 0);
  if (flow)
    throw new ModelsError(
      `${flow.opType} (node '${flow.name}'): expected a graph without branches and loops; export the model for its task without a cache, or start from its safetensors`,
    );
  const foreign = [...new Set(nodes.filter((node) => node.domain !== '').map((n) => `${n.domain}.${n.opType}`))];
  if (foreign.length > 0)
    throw new ModelsError(
      `${foreign.join(', ')}: expected operators of ONNX, or of ONNX Runtime that are known here; export the model without optimizing it`,
    );
}

/** The output called logits, or the first. */
function logitsOf({ outputs }: Graph): Value {
  const found = outputs.find(({ name }) => name === 'logits') ?? outputs[0];
  if (!found) throw new ModelsError('graph: expected an output, got none');
  return found;
}
