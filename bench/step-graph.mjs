/**
 * Milliseconds to build the step graph of BERT-base from its configuration: the forward graph, its gradients, AdamW.
 * Making the weights is not timed; they are zeros, which no part of the building looks at.
 *
 * usage: node bench/step-graph.mjs [--repeats N]
 */
import { parseArgs } from 'node:util';
import { trainable } from '@neuroprune/autodiff';
import { buildModel, ModelConfig } from '@neuroprune/models';

const { values } = parseArgs({ options: { repeats: { type: 'string', default: '5' } } });

// The published configuration of bert-base-uncased.
const config = ModelConfig.parse({
  model_type: 'bert',
  vocab_size: 30522,
  hidden_size: 768,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  intermediate_size: 3072,
  hidden_act: 'gelu',
  hidden_dropout_prob: 0.1,
  attention_probs_dropout_prob: 0.1,
  max_position_embeddings: 512,
  type_vocab_size: 2,
  layer_norm_eps: 1e-12,
});

const weights = new Map();
const initialize = (name, dims) => {
  const known = weights.get(name);
  if (known) return known;
  const made = { dtype: 'float32', dims, data: new Float32Array(dims.reduce((a, b) => a * b, 1)) };
  weights.set(name, made);
  return made;
};
const build = () => buildModel({ config, tensors: new Map(), labels: 2, initialize }).model;
build(); // makes the weights

/** Wall and processor milliseconds of f. */
const timed = (f) => {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  const result = f();
  const { user, system } = process.cpuUsage(cpu);
  return { wall: performance.now() - start, cpu: (user + system) / 1000, result };
};

for (let i = 1; i <= Number(values.repeats); i++) {
  const forward = timed(build);
  const step = timed(() => trainable(forward.result, { loss: 'crossEntropy' }));
  const [wall, cpu] = ['wall', 'cpu'].map((kind) => Math.round(forward[kind] + step[kind]));
  const nodes = [forward, step].map(({ result }) => result.graph.nodes.length);
  console.log(`${i}: ${wall} ms (${cpu} ms of processor time), ${nodes[0]} nodes become ${nodes[1]}`);
}
