import type { RunResult } from '../run-result.js';
import type { DegreeDistribution, LayerTopology } from '../topology.js';

const distribution = (mean: number): DegreeDistribution => ({
  neurons: 8,
  mean,
  sd: 0.125,
  histogram: [4, 0, 3, 1],
});

/** Two layers of three heads: one absorbed, one removed. */
export const sampleTopology: LayerTopology[] = [
  {
    layer: 0,
    headStates: [{ state: 'absorbed', into: 2 }, { state: 'kept' }, { state: 'kept' }],
    headShares: [0, 0.25, 0.75],
    degrees: { units: distribution(0.25), inputs: distribution(0.5) },
  },
  {
    layer: 1,
    headStates: [{ state: 'kept' }, { state: 'kept' }, { state: 'removed' }],
    headShares: [0.5, 0.5, 0],
    degrees: { units: distribution(0.375), inputs: distribution(0.625) },
  },
];

/** The result of a small run that met its targets. */
export const sampleRun: RunResult = {
  model: 'org/tiny',
  task: 'sst2',
  method: 'neuroprune',
  device: 'cpu',
  sparsity: { requested: 0.7, reached: 0.7 },
  heads: { total: 6, requested: 4, kept: 4 },
  parameters: { dense: 1000, compact: 600 },
  bytes: { dense: 4_200_000, compact: 2_500_000 },
  structure: sampleTopology.map((layer) => ({ ...layer, heads: 2, hiddenUnits: 8, inputDims: 6, zeros: 0.7 })),
  evaluation: [
    { task: 'sst2', split: 'validation', examples: 872, metrics: { accuracy: 0.8372 }, dense: { accuracy: 0.8486 } },
  ],
  proof: { examples: 872, maxAbsDifference: 2.1e-6 },
  latency: [{ device: 'cpu', batch: 1, length: 32, denseMs: 4, compactMs: 2.5, repeats: 50 }],
  training: { steps: 2104, seconds: 95, stepMs: { first: 45, last: 40 }, tokens: 250, paddedTokens: 1000 },
  published: { repo: 'local/tiny-np', commit: '0123456789abcdef', url: 'http://127.0.0.1:5000/local/tiny-np' },
};
