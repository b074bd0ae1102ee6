export {
  type Architecture,
  defineArchitecture,
  type GraphShape,
  ModelConfig,
  type Rename,
  standardName,
  type Task,
  type TokenInputs,
} from './architecture.js';
export type { BertConfig } from './bert/config.js';
export { type BuildRequest, type BuiltModel, buildModel } from './build-model.js';
export { ModelsError } from './errors.js';
export type { Generation } from './generation.js';
export { type GenerationFile, type GenerationRequest, generationModels } from './generation-models.js';
export { type Head, type HeadRequest, headOf, type ProblemType } from './head.js';
export { DENSE_GRAPH, importedAmong, onnxFiles } from './imported/source.js';
export {
  type LoadedModel,
  type LoadOptions,
  loadModel,
  parameterTensors,
} from './load-model.js';
export {
  type HeadGroup,
  type LinearNames,
  linearsOf,
  type NeuronGroup,
  type PrunableGroups,
  prunableWeights,
} from './prunable.js';
export { readConfig, readModelConfig } from './read-config.js';
export { architectureOf, architectures, type ModelType } from './registry.js';
export { toFloat32 } from './safetensors/dtype.js';
export type { SafetensorsHeader, TensorEntry } from './safetensors/header.js';
export { type ReadOptions, readSafetensors, readSafetensorsHeader } from './safetensors/read.js';
export { encodeSafetensors, safetensorsChunks, writeSafetensors } from './safetensors/write.js';
export { type SaveRequest, savedConfig, saveModel } from './save-model.js';
export type { LayerStructure, Structure } from './structure.js';
export { weightsFile } from './weights-file.js';
export { writeFileAtomic } from './write-file.js';
