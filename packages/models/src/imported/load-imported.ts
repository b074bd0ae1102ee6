import { readModel, type Tensor } from '@neuroprune/onnx';
import { buildModel } from '../build-model.js';
import { ModelsError } from '../errors.js';
import { type Head, type HeadRequest, headOf } from '../head.js';
import type { LoadedModel, LoadOptions } from '../load-model.js';
import { withArchitecture } from '../own-architecture.js';
import { toFloat32 } from '../safetensors/dtype.js';
import { type ImportedGraph, importGraph } from './import-graph.js';
import { importedArchitecture, taskOfGraph } from './imported-architecture.js';
import { importedConfig } from './source.js';

/** Reads an ONNX file into a forward graph with parameters named as its initializers, and finds its layers. */
export async function loadImported(file: string, { head: asked, task: wanted }: LoadOptions): Promise<LoadedModel> {
  const graph = importGraph(await readModel(file));
  const described = await importedConfig(file);
  const architecture = importedArchitecture(graph, described);
  const config = withArchitecture(described, architecture);
  const task = wanted ?? taskOfGraph(graph, config);
  const head = headOfGraph(graph, config, asked);
  const tensors = new Map(graph.parameters.map(({ name, tensor }) => [name, toFloat32(tensor as Tensor)] as const));
  const { model } = buildModel({ config, tensors, labels: head.numLabels, task });
  return {
    model,
    config,
    architecture,
    head,
    task,
    prunable: architecture.prunable(config),
    tensors,
    fresh: [],
    buffers: [],
    unused: [],
    imported: { unknown: graph.unknown, ...(graph.fixedSize !== undefined && { fixedSize: graph.fixedSize }) },
  };
}

/** The head that the logits are, with the names that are asked for or described. */
function headOfGraph({ columns, rank }: ImportedGraph, config: LoadedModel['config'], asked?: HeadRequest): Head {
  if (rank !== 2) return headOf(config);
  if (asked && asked.numLabels !== columns)
    throw new ModelsError(
      `logits: expected ${asked.numLabels} columns for the task, got ${columns}; a model without source keeps the head it came with`,
    );
  const described = asked ? undefined : headOf(config);
  return described?.numLabels === columns ? described : headOf(config, asked ?? { numLabels: columns });
}
