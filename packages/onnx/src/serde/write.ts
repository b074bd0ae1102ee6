import path from 'node:path';
import { OnnxError } from '../errors.js';
import { type Attribute, allGraphs, type Graph, type Model, rootGraphs } from '../model.js';
import type { SparseTensor, Tensor } from '../tensor.js';
import { insideFolder } from './external-data.js';
import { ExternalWriter, type StoredAt } from './external-writer.js';
import { writeFileAtomic } from './files.js';
import { MAX_MESSAGE_BYTES } from './limits.js';
import { MessageWriter, tooLarge } from './message-writer.js';
import { writeEntries, writeNotes } from './notes.js';
import { listsInitializers } from './read-graph.js';
import { inlineBytes } from './tensor.js';
import { GraphWriter, writeOpsets } from './write-graph.js';

const sparseParts = ({ values, indices }: SparseTensor): Tensor[] => [values, indices];

function attributeTensors(a: Attribute): readonly Tensor[] {
  if (a.type === 'tensor') return [a.value];
  if (a.type === 'tensors') return a.value;
  if (a.type === 'sparse') return sparseParts(a.value);
  return a.type === 'sparses' ? a.value.flatMap(sparseParts) : [];
}

function tensorsOf(graph: Graph): Tensor[] {
  const attributes = graph.nodes.flatMap((n) => Object.values(n.attributes).flatMap(attributeTensors));
  const dense = graph.initializers.flatMap((v) => v.tensor ?? []);
  return [...attributes, ...dense, ...(graph.sparse ?? []).flatMap((v) => (v.sparse ? sparseParts(v.sparse) : []))];
}

/** Said before anything is read or copied: half of a large model in memory would be no use. */
function checkSize(model: Model, external: ExternalWriter | undefined): void {
  const tensors = rootGraphs(model).flatMap(allGraphs).flatMap(tensorsOf);
  const bytes = tensors.reduce((n, tensor) => n + inlineBytes(tensor, external), 0);
  if (bytes > MAX_MESSAGE_BYTES) throw tooLarge(bytes);
}

function encode(model: Model, external: ExternalWriter | undefined): MessageWriter {
  checkSize(model, external);
  const listed = listsInitializers(model.irVersion);
  const w = new MessageWriter().int(1, model.irVersion).text(2, model.producer);
  w.text(3, model.producerVersion ?? '').text(4, model.domain ?? '');
  if (model.version !== undefined) w.int(5, model.version);
  w.message(7, (g) => new GraphWriter(model.graph, external, listed).graph(g, model.graph));
  writeOpsets(w, 8, model.opsets);
  writeEntries(w, 14, model.metadata);
  for (const f of model.functions ?? []) {
    w.message(25, (m) => new GraphWriter(f.graph, external, listed).function(m, f));
  }
  writeNotes(w, 6, 0, model.notes);
  return w;
}

/** How to write a model. */
export interface WriteOptions {
  /**
   * File for the weights. `writeModel`: a path; the model refers to it by its last part and belongs into the same folder.
   * `saveModel`: a path relative to the model's folder, inside it.
   */
  readonly externalData?: string;
  /** Tensors that lie in files beside the model already, such as one of safetensors: the model refers to them there. */
  readonly stored?: ReadonlyMap<Tensor, StoredAt>;
}

/** The model as bytes of an ONNX file; with `externalData`, weights from 1 KiB on go to that file (written atomically). */
export function writeModel(model: Model, options: WriteOptions = {}): Uint8Array {
  const { externalData: file, stored } = options;
  if (file === undefined) return encode(model, stored && new ExternalWriter(undefined, stored)).finish();
  const external = new ExternalWriter(path.basename(file), stored);
  const bytes = encode(model, external).finish();
  external.write(file);
  return bytes;
}

/** Writes the model to a file, whole or not at all; its weights beside it when `externalData` names a file. */
export async function saveModel(model: Model, file: string, options: WriteOptions = {}): Promise<void> {
  const { externalData: location, stored } = options;
  const external = location === undefined && !stored ? undefined : new ExternalWriter(location, stored);
  const beside = location === undefined ? undefined : dataFile(file, location);
  const message = encode(model, external);
  if (external && beside) external.write(beside);
  writeFileAtomic(file, message.pieces());
}

function dataFile(model: string, location: string): string {
  const expected = `model '${model}': expected externalData`;
  if (location === path.basename(model)) throw new OnnxError(`${expected} in a file of its own, got '${location}'`);
  try {
    return insideFolder(path.dirname(model), location);
  } catch (cause) {
    if (cause instanceof OnnxError) throw cause;
    throw new OnnxError(`${expected} in a folder that exists, got ${(cause as Error).message}`, 'job', { cause });
  }
}
