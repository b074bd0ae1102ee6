// Do fused operators make inference faster than what ONNX Runtime's optimizer makes of the plain graph at load?
// node bench/fusion.mjs [--rounds 30] prints a table of milliseconds a run on the cpu provider, one thread; the sessions take
// turns, so that other load on the machine falls on all alike. MiniLM where it is beside, else bert-micro.
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { loadModel } from '@neuroprune/models';
import {
  cloneModel,
  eliminateDeadCode,
  eliminateDropout,
  int64,
  Node,
  runPasses,
  Value,
  writeModel,
} from '@neuroprune/onnx';
import ort from 'onnxruntime-node';
import { caseOf } from './cases.mjs';

const { values: flags } = parseArgs({ options: { rounds: { type: 'string', default: '30' } } });
const rounds = Number(flags.rounds);
const float = (value) => ({ type: 'float', value });
const int = (value) => ({ type: 'int', value });
const { model } = await loadModel((caseOf('minilm') ?? caseOf('bert-micro')).model, {
  head: { numLabels: 2 },
  seed: 0,
});
runPasses(model, [eliminateDropout, eliminateDeadCode]);

const from = (value, type) => (value?.producer?.opType === type ? value.producer : undefined);
const readers = (graph, value) => graph.nodes.filter((node) => node.inputs.includes(value)).length;

/** Puts a fused node in the place of one that makes the same value, before everything that reads it. */
function put(graph, old, type, inputs, attributes = {}) {
  const node = new Node(type, inputs, [...old.outputs], attributes, 'com.microsoft');
  graph.nodes[graph.nodes.indexOf(old)] = node;
}

function constant(graph, name, tensor) {
  const value = new Value(name, tensor.dtype, tensor.dims);
  value.tensor = tensor;
  graph.initializers.push(value);
  return value;
}

/** LayerNormalization(x + skip) as one node. */
function skipNorms(graph) {
  for (const node of [...graph.nodes]) {
    const sum = node.opType === 'LayerNormalization' ? from(node.inputs[0], 'Add') : undefined;
    if (!sum || readers(graph, sum.outputs[0]) > 1) continue;
    put(graph, node, 'SkipLayerNormalization', [...sum.inputs, ...node.inputs.slice(1)], {
      epsilon: node.attributes.epsilon,
    });
  }
}

/** Gelu(x·Wᵀ + b) as a product without bias and one node. */
function biasGelus(graph) {
  for (const node of [...graph.nodes]) {
    const product = node.opType === 'Gelu' ? from(node.inputs[0], 'Gemm') : undefined;
    if (product) put(graph, node, 'BiasGelu', [product.outputs[0], product.inputs.splice(2, 1)[0]]);
  }
}

/** The parts of each attention: scale, query, key and value in heads (before their transpositions), and its result. */
function attentions(graph) {
  return graph.nodes.flatMap((softmax) => {
    const sum = softmax.opType === 'Softmax' ? from(softmax.inputs[0], 'Add') : undefined;
    const scores = from(sum?.inputs[0], 'MatMul');
    const context = graph.nodes.find((n) => n.opType === 'MatMul' && n.inputs[0] === softmax.outputs[0]);
    if (!scores || !context) return [];
    const [q, k, v] = [...scores.inputs, context.inputs[1]].map((x) => from(x, 'Transpose'));
    const scaled = from(from(q.inputs[0], 'Reshape').inputs[0], 'Mul');
    const turned = graph.nodes.find((n) => n.inputs[0] === context.outputs[0]);
    return [{ softmax, scores, q, k, v, scaled, merged: graph.nodes.find((n) => n.inputs[0] === turned.outputs[0]) }];
  });
}

/** q·kᵀ·scale as one node. */
function fusedProducts(graph) {
  for (const { scores, q, k, scaled } of attentions(graph)) {
    const attributes = { alpha: float(scaled.inputs[1].tensor.data[0]), transB: int(1) };
    from(q.inputs[0], 'Reshape').inputs[0] = scaled.inputs[0];
    const keys = new Value(`${k.outputs[0].name}_plain`);
    const turned = new Node('Transpose', [...k.inputs], [keys], { perm: { type: 'ints', value: [0, 2, 1, 3] } });
    graph.nodes.splice(graph.nodes.indexOf(scores), 0, turned);
    put(graph, scores, 'FusedMatMul', [scores.inputs[0], keys], attributes);
  }
}

/** softmax(q·kᵀ·scale + mask)·v as one node. */
function attention(graph) {
  const mask = new Value('mask_int32');
  const given = graph.inputs.find((v) => v.name === 'attention_mask');
  graph.nodes.unshift(new Node('Cast', [given], [mask], { to: int(6) }));
  const flat = constant(graph, 'three_axes', int64([0, 0, -1]));
  for (const { q, k, v, scaled, merged } of attentions(graph)) {
    const heads = q.inputs[0].shape[2];
    from(q.inputs[0], 'Reshape').inputs[0] = scaled.inputs[0];
    const operands = [q, k, v].map(({ inputs: [x] }) => new Node('Reshape', [x, flat], [new Value(`${x.name}_flat`)]));
    const y = new Value(`${merged.outputs[0].name}_fused`);
    const attributes = { num_heads: int(heads), scale: float(scaled.inputs[1].tensor.data[0]) };
    const inputs = [...operands.map((node) => node.outputs[0]), undefined, mask];
    const node = new Node('MultiHeadAttention', inputs, [y], attributes, 'com.microsoft');
    graph.nodes.splice(graph.nodes.indexOf(merged), 0, ...operands, node);
    merged.inputs[0] = y;
  }
}

const fusions = {
  'none, optimizer off': [],
  none: [],
  SkipLayerNormalization: [skipNorms],
  BiasGelu: [biasGelus],
  FusedMatMul: [fusedProducts],
  MultiHeadAttention: [attention],
  'all but FusedMatMul': [skipNorms, biasGelus, attention],
};

async function sessionOf([name, rewrites]) {
  const copy = cloneModel(model);
  for (const rewrite of rewrites) rewrite(copy.graph);
  copy.opsets['com.microsoft'] = 1;
  runPasses(copy, [eliminateDeadCode]);
  const graphOptimizationLevel = name.endsWith('off') ? 'disabled' : 'all';
  const options = { intraOpNumThreads: 1, graphOptimizationLevel };
  const count = copy.graph.nodes.filter((node) => node.domain !== '').length;
  return { name, count, session: await ort.InferenceSession.create(writeModel(copy), options), ms: [], user: [] };
}

function feedsOf(batch, length) {
  const tensor = (f) =>
    new ort.Tensor(
      'int64',
      BigInt64Array.from({ length: batch * length }, (_, i) => BigInt(f(i))),
      [batch, length],
    );
  const padded = (i) => (i % length < length - (Math.floor(i / length) % 4) ? 1 : 0);
  return {
    input_ids: tensor((i) => 100 + ((i * 7919) % 800)),
    attention_mask: tensor(padded),
    token_type_ids: tensor(() => 0),
  };
}

async function once(entry, feeds) {
  const [cpu, start] = [process.cpuUsage(), performance.now()];
  const { logits } = await entry.session.run(feeds);
  entry.ms.push(performance.now() - start);
  entry.user.push(process.cpuUsage(cpu).user / 1000);
  return logits.data;
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

const entries = [];
for (const fusion of Object.entries(fusions)) entries.push(await sessionOf(fusion));
for (const [batch, length] of [
  [1, 16],
  [32, 32],
  [8, 128],
]) {
  const feeds = feedsOf(batch, length);
  const expected = await once(entries[0], feeds);
  for (const entry of entries) {
    const worst = Math.max(...(await once(entry, feeds)).map((x, i) => Math.abs(x - expected[i])));
    if (!(worst < 1e-4)) throw new Error(`${entry.name}: expected the same logits, got ${worst} apart`);
    entry.ms.length = entry.user.length = 0;
  }
  for (let i = 0; i < rounds; i++)
    for (const entry of i % 2 ? entries : [...entries].reverse()) await once(entry, feeds);
  const plain = entries.find(({ name }) => name === 'none');
  const base = plain.user.map((x) => x);
  console.log(
    `\n${batch} × ${length} tokens\n\n| fused | nodes | ms | ms of processor time | against none |\n| --- | --- | --- | --- | --- |`,
  );
  for (const { name, count, ms, user } of entries) {
    const ratio = median(user.map((x, i) => x / base[i]));
    console.log(
      `| ${name} | ${count} | ${median([...ms]).toFixed(2)} | ${median([...user]).toFixed(2)} | ${ratio.toFixed(3)} |`,
    );
  }
}
