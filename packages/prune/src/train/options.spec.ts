import { createHash } from 'node:crypto';
import type { Tensor } from '@neuroprune/onnx';
import { type Batch, createInference, inputTensor } from '@neuroprune/runtime';
import { describe, expect, test } from 'vitest';
import { tinyBatches, tinyBert, tinyWeights } from '../../test/tiny-bert.js';
import { inferenceGraph } from '../compact/inference-graph.js';
import { countZeros, matricesOf } from '../layer.js';
import type { ThresholdMethod } from '../method.js';
import { prunableLayers, type Weights } from '../prunable-layer.js';
import { hiddenStates } from './hidden-states.js';
import type { TrainEvent, TrainRequest, TrainRunEvent } from './request.js';
import { train } from './train.js';

const tiny = tinyBert();
const threshold: ThresholdMethod = {
  name: 'neuroprune',
  solver: 'threshold',
  sparsity: 0.6,
  heads: 5,
  outGrouping: 'joint',
  gamma: 1,
};

type Changes = Partial<TrainRequest>;
const request = (changes: Changes = {}): TrainRequest => ({
  ...tiny,
  loss: 'crossEntropy',
  method: { name: 'dense' },
  batches: () => tinyBatches(),
  epochs: 1,
  lr: 3e-3,
  schedule: 'constant',
  warmup: 0,
  weightDecay: 0,
  dropout: 0,
  seed: 0,
  session: { threads: 1 },
  maxLength: 16,
  ...changes,
});

/** Trains, and gives what a test looks at. */
async function trained(changes: Changes = {}) {
  const events: TrainRunEvent[] = [];
  const result = await train(request(changes), { onEvent: (event) => events.push(event) });
  return { ...result, events, bits: bitsOf(result.tensors) };
}

function bitsOf(tensors: ReadonlyMap<string, Tensor>): string {
  const hash = createHash('sha256');
  for (const [name, { data }] of tensors) hash.update(name).update(data as Float32Array);
  return hash.digest('hex');
}

const start = new Map(tiny.model.graph.initializers.map((v) => [v.name, v.tensor?.data as Float32Array]));
const names = [...start.keys()].filter((name) => /^(bert|classifier)\./.test(name));
const of = (tensors: ReadonlyMap<string, Tensor>, name: string) => tensors.get(name)?.data as Float32Array;
/** Softmax is blind to the bias of the keys: its gradient is rounding, which Adam blows up. */
const hasGradient = (name: string) => !name.endsWith('key.bias');
const isSpared = (name: string) => /bias|LayerNorm/.test(name);

/** Largest difference between two sets of weights. */
function apart(a: ReadonlyMap<string, Tensor>, b: ReadonlyMap<string, Tensor>): number {
  const largest = (name: string) =>
    of(a, name).reduce((most, x, i) => Math.max(most, Math.abs(x - of(b, name)[i]!)), 0);
  return Math.max(...names.filter(hasGradient).map(largest));
}

const labelled = [1, 2];
const halves = (): Batch[] =>
  tinyBatches().flatMap((batch) =>
    [0, 2].map((from) => ({
      ...batch,
      rows: 2,
      inputs: Object.fromEntries(
        Object.entries(batch.inputs).map(([k, v]) => [k, v.slice(from * batch.length, (from + 2) * batch.length)]),
      ),
      labels: batch.labels.slice(from, from + 2),
      weights: batch.weights.slice(from, from + 2),
      numbers: [from, from + 1],
    })),
  );

const classes = 2;
const softmax = (z: readonly number[], temperature = 1): number[] => {
  const e = z.map((x) => Math.exp(x / temperature));
  return e.map((x) => x / e.reduce((a, b) => a + b, 0));
};

/** Outputs of the start model for a batch, and its logits row by row. */
async function outputs(batch: Batch, hidden: readonly string[] = []) {
  const model = inferenceGraph(tiny.model);
  const found = new Map(model.graph.nodes.flatMap((n) => n.outputs).map((v) => [v.name, v]));
  for (const name of hidden) model.graph.outputs.push(found.get(name)!);
  await using session = await createInference(model, { threads: 1 });
  const inputs = Object.entries(batch.inputs).map(
    ([name, v]) => [name, inputTensor('int64', v, [batch.rows, batch.length])] as const,
  );
  const results = await session.run(new Map(inputs), ['logits', ...hidden]);
  const flat = [...(results.get('logits')!.data as Float32Array)];
  const rows = Array.from({ length: batch.rows }, (_, i) => flat.slice(i * classes, (i + 1) * classes));
  return { rows, hidden: hidden.map((name) => results.get(name)?.data as Float32Array) };
}

const teacher: TrainRequest['teacher'] = async ({ rows }) => ({
  'teacher.logits': Float32Array.from({ length: rows * classes }, (_, i) => Math.sin(i)),
});
const distill = { weight: 0.5, temperature: 2 };

describe('every option acts', () => {
  const options = {
    schedule: { schedule: 'one-cycle', warmup: 0.3 },
    layerDecay: { layerDecay: 0.5 },
    maxGradNorm: { maxGradNorm: 0.05 },
    accumulate: { accumulate: 2 },
    labelSmoothing: { labelSmoothing: 0.1 },
    classWeights: { classWeights: labelled },
    freeze: { freeze: ['bert.embeddings.*'] },
    ema: { ema: 0.9 },
    precision: { precision: 'fp16' },
    distill: { distill, teacher },
    weightOfDistill: { distill: { ...distill, weight: 0.7 }, teacher },
    temperature: { distill: { ...distill, temperature: 1 }, teacher },
    keepBest: {
      watch: { every: 3, keepBest: true },
      score: async (tensors) => -(of(tensors, 'classifier.bias')[0]! ** 2),
    },
    patience: { watch: { every: 1, patience: 4 }, score: async () => 1 },
  } satisfies Record<string, Changes>;

  test('and none does what another does', async () => {
    const all = new Map([['base', (await trained()).bits]]);
    for (const [name, change] of Object.entries(options)) all.set(name, (await trained(change)).bits);
    const same = [...all].filter(([name, bits]) => [...all].some(([n, other]) => n !== name && other === bits));
    expect(same.map(([name]) => name)).toEqual([]);
  });

  test('a bound that no gradient reaches, the precision fp32, and scores without consequences change nothing', async () => {
    const { bits } = await trained();
    const score = async () => 1;
    for (const change of [
      { maxGradNorm: 1e9 },
      { precision: 'fp32' as const },
      { watch: {}, score },
      { accumulate: 1 },
    ])
      expect((await trained(change)).bits).toBe(bits);
  });
});

describe('rates', () => {
  test('decay leaves out norms and biases, and takes lr·λ·w of all others', async () => {
    const [plain, decayed] = [await trained({ maxSteps: 1 }), await trained({ maxSteps: 1, weightDecay: 0.5 })];
    for (const name of names) {
      const [a, b] = [of(plain.tensors, name), of(decayed.tensors, name)];
      if (isSpared(name)) expect(b).toEqual(a);
      else
        expect(a.map((x, i) => Math.abs(x - b[i]! - 3e-3 * 0.5 * start.get(name)![i]!)).every((x) => x < 1e-6)).toBe(
          true,
        );
    }
  });

  test('fall from the head to the embeddings by the layer', async () => {
    const { tensors } = await trained({ maxSteps: 1, layerDecay: 0.5 });
    // The first step of Adam moves each weight by its rate, whatever its gradient.
    const moved = (name: string) =>
      of(tensors, name).reduce((m, x, i) => Math.max(m, Math.abs(x - start.get(name)![i]!)), 0);
    const depth = (name: string) =>
      name.includes('embeddings') ? 3 : name.includes('layer.0.') ? 2 : name.includes('layer.1.') ? 1 : 0;
    for (const name of names.filter(hasGradient)) expect(moved(name) / (3e-3 * 0.5 ** depth(name))).toBeCloseTo(1, 2);
  });
});

describe('accumulation', () => {
  const cases: [string, Changes][] = [
    ['plain', {}],
    [
      'with class weights, smoothing, clipping and averages',
      { classWeights: labelled, labelSmoothing: 0.2, maxGradNorm: 0.5, ema: 0.5 },
    ],
  ];
  test.each(cases)('of halves comes to what the whole batches do, filler rows included: %s', async (_, changes) => {
    const whole = await trained({ epochs: 2, ...changes });
    const parts = await trained({ epochs: 2, accumulate: 2, batches: halves, ...changes });
    expect(parts.steps).toBe(16);
    expect(parts.loss).toBeCloseTo(whole.loss, 4);
    expect(apart(parts.tensors, whole.tensors)).toBeLessThan(1e-4);
    expect(apart(parts.tensors, (await trained({ epochs: 2, batches: halves, ...changes })).tensors)).toBeGreaterThan(
      1e-3,
    );
    expect(parts.tokens).toBe(whole.tokens * 2); // the halves state their batch's
  });

  test('counts steps: of the schedule, of events, of an epoch whose last step has fewer batches', async () => {
    const { steps, events } = await trained({ accumulate: 3, epochs: 2, method: threshold, schedule: 'linear' });
    expect(steps).toBe(6);
    const last = events.findLast((e): e is TrainEvent => e.type === 'train');
    expect(last).toMatchObject({
      step: 6,
      steps: 6,
      epoch: 2,
      lr: expect.closeTo(3e-3 / 5, 9),
      sparsity: Math.round(0.6 * tinyWeights) / tinyWeights,
    });
  });

  test('drops other neurons in each micro-batch', async () => {
    const repeated = () => [tinyBatches()[0]!, tinyBatches()[0]!];
    const [once, twice] = [
      await trained({ batches: () => repeated().slice(1), dropout: 0.5 }),
      await trained({ batches: repeated, dropout: 0.5, accumulate: 2 }),
    ];
    expect(Math.abs(once.loss - twice.loss)).toBeGreaterThan(1e-3);
  });

  test.each([0, 1.5])('of %f batches is refused', async (accumulate) => {
    await expect(train(request({ accumulate }))).rejects.toMatchObject({ kind: 'input' });
  });
});

describe('the loss', () => {
  const [batch] = tinyBatches() as [Batch];
  const mean = (values: readonly number[], weights: readonly number[]) =>
    values.reduce((sum, x, i) => sum + x * weights[i]!, 0) / weights.reduce((a, b) => a + b, 0);

  test('has the labels smoothed and the classes weighed as PyTorch has', async () => {
    const { rows } = await outputs(batch);
    const weightOf = (row: number) => labelled[batch.labels[row]!]!;
    const nll = rows.map((z, r) => -Math.log(softmax(z)[batch.labels[r]!]!));
    const all = rows.map((z) => softmax(z).reduce((sum, p, c) => sum - labelled[c]! * Math.log(p), 0));
    const weights = rows.map((_, r) => weightOf(r));
    const hard = mean(nll, weights);
    const smooth = all.reduce((a, b) => a + b, 0) / weights.reduce((a, b) => a + b, 0) / classes;
    const { loss } = await trained({ maxSteps: 1, classWeights: labelled, labelSmoothing: 0.3 });
    expect(loss).toBeCloseTo(0.7 * hard + 0.3 * smooth, 5);
  });

  test('has the teacher’s share: (1 - α)·loss + α·T²·KL, and hidden states', async () => {
    const [name] = hiddenStates(tiny.model, tiny.groups).slice(-1) as [string];
    const { rows, hidden } = await outputs(batch, [name]);
    const width = 16;
    const taught = Float32Array.from(hidden[0]!, (x) => x + 0.5);
    const own = mean(
      rows.map((z, r) => -Math.log(softmax(z)[batch.labels[r]!]!)),
      [1, 1, 1, 1],
    );
    const says = rows.map((_, r) => [Math.sin(2 * r), Math.sin(2 * r + 1)]);
    const kl = mean(
      rows.map((z, r) => {
        const [p, q] = [softmax(says[r]!, 2), softmax(z, 2)];
        return p.reduce((sum, x, c) => sum + x * Math.log(x / q[c]!), 0);
      }),
      [1, 1, 1, 1],
    );
    const { loss } = await trained({
      maxSteps: 1,
      distill: { weight: 0.25, temperature: 2, hidden: { [name]: 3 } },
      teacher: async (b) => ({ ...(await teacher(b)), [`teacher.${name}`]: taught }),
    });
    expect(taught.length).toBe(batch.rows * batch.length * width);
    expect(loss).toBeCloseTo(0.75 * own + 0.25 * 4 * kl + 3 * 0.25, 4);
  });
});

describe('what is frozen', () => {
  test('stays bit by bit and is in the result', async () => {
    const { tensors } = await trained({ freeze: ['bert.embeddings.*', '*.layer.0.*'] });
    expect([...tensors.keys()].sort()).toEqual([...names].sort());
    for (const name of names) {
      const isFrozen = name.startsWith('bert.embeddings.') || name.includes('.layer.0.');
      expect([
        name,
        bitsOf(new Map([['x', tensors.get(name)!]])) ===
          bitsOf(new Map([['x', { ...tensors.get(name)!, data: start.get(name)! }]])),
      ]).toEqual([name, isFrozen]);
    }
  });

  test('embeddings beside pruning: the target is reached', async () => {
    const { tensors } = await trained({ freeze: ['bert.embeddings.*'], method: threshold });
    expect(countZeros(matricesOf(prunableLayers(tiny.groups, tensors as Weights)))).toBe(Math.round(0.6 * tinyWeights));
  });

  test.each<[Changes, RegExp]>([
    [{ freeze: ['nothing.*'] }, /freeze: expected to match a parameter, got 'nothing\.\*'/],
    [
      { freeze: ['*.layer.0.*'], method: threshold },
      /freeze: expected what is to be pruned to train, got bert\.encoder\.layer\.0/,
    ],
    [{ freeze: ['*'] }, /freeze: expected parameters left to train/],
  ])('%j is refused', async (changes, message) => {
    await expect(train(request(changes))).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringMatching(message),
    });
  });
});

describe('averages', () => {
  test('are those of the weights after each step, from the start weights on', async () => {
    const d = 0.75;
    const after: ReadonlyMap<string, Tensor>[] = [];
    for (const maxSteps of [1, 2, 3]) after.push((await trained({ maxSteps })).tensors);
    const { tensors } = await trained({ maxSteps: 3, ema: d });
    for (const name of names)
      of(tensors, name).forEach((x, i) => {
        const expected = after.reduce((e, w) => d * e + (1 - d) * of(w, name)[i]!, start.get(name)![i]!);
        expect(x).toBeCloseTo(expected, 5);
      });
  });

  test.each([1, 8])('have exactly the zeros of the weights, over %i epochs', async (epochs) => {
    const { tensors, removals } = await trained({ epochs, ema: 0.99, method: threshold });
    expect(removals.length).toBe(3);
    expect(countZeros(matricesOf(prunableLayers(tiny.groups, tensors as Weights)))).toBe(Math.round(0.6 * tinyWeights));
  });
});

test.each<[string, Changes, RegExp]>([
  [
    'bf16 on webgpu',
    { precision: 'bf16', session: { device: 'webgpu' } },
    /precision: expected fp32 or fp16 on webgpu, got bf16/,
  ],
  ['bf16 on cpu', { precision: 'bf16' }, /precision: expected fp32 or fp16 on cpu, got bf16/],
  ['an average of all that was', { ema: 1 }, /ema: expected a decay from 0 to below 1, got 1/],
  ['a teacher of nothing', { teacher }, /distillation: expected a teacher and what to learn/],
  [
    'smoothed scores',
    { ...tinyBert(1), loss: 'meanSquaredError', labelSmoothing: 0.1 },
    /expected classes, got scores/,
  ],
  ['patience of none', { watch: { patience: 0 }, score: async () => 1 }, /patience to be whole from 1, got 0/],
])('%s is refused', async (_, changes, message) => {
  await expect(train(request(changes))).rejects.toMatchObject({
    kind: 'input',
    message: expect.stringMatching(message),
  });
});

test('fp16 comes near fp32', async () => {
  const [full, half] = [await trained({ epochs: 2 }), await trained({ epochs: 2, precision: 'fp16' })];
  expect(Math.abs(half.loss / full.loss - 1)).toBeLessThan(0.02);
});

describe('scores', () => {
  /** Scores as told, in turn, with the weights of each. */
  function told(values: readonly number[]) {
    const seen: ReadonlyMap<string, Tensor>[] = [];
    return {
      seen,
      score: async (tensors: ReadonlyMap<string, Tensor>) => values[seen.push(tensors) - 1] ?? Number.NaN,
    };
  }

  test('the best weights come out, those of the last step without being asked for', async () => {
    for (const keepBest of [true, false]) {
      const { seen, score } = told([0.1, 0.7, 0.7, 0.2]);
      const { tensors, best, events } = await trained({ watch: { every: 2, keepBest }, score });
      expect(best).toEqual({ step: 4, score: 0.7 });
      expect(bitsOf(tensors)).toBe(bitsOf(seen[keepBest ? 1 : 3]!));
      expect(events.filter((e) => e.type === 'score')).toEqual(
        [2, 4, 6, 8].map((step, i) => ({
          type: 'score',
          step,
          score: [0.1, 0.7, 0.7, 0.2][i],
          counts: true,
          best: i < 2,
        })),
      );
    }
  });

  test('count from the step on at which the target is reached', async () => {
    const { seen, score } = told([9, 9, 9, 0.3, 0.1, 0.2, 0.4, 0.1]);
    const { tensors, best, events } = await trained({
      epochs: 1,
      method: threshold,
      watch: { every: 1, keepBest: true, patience: 3 },
      score,
    });
    const counted = events.flatMap((e) => (e.type === 'score' && e.counts ? [e.step] : []));
    expect(counted).toEqual([6, 7, 8]); // the ramp ends at 70 % of 8 steps
    expect(best).toEqual({ step: 7, score: 0.4 });
    expect(bitsOf(tensors)).toBe(bitsOf(seen[6]!));
  });

  test.each([
    [[5, 4, 3, 2, 1], 2, 3, 1],
    [[1, 2, 1, 3, 1, 1], 2, 6, 4],
    [[Number.NaN, Number.NaN, 1], 2, 2, undefined],
  ])('%j with patience %i: ends after step %i, the best being that of %s', async (values, patience, step, best) => {
    const { steps, events, stoppedEarly } = await trained({ watch: { every: 1, patience }, ...told(values) });
    expect([steps, stoppedEarly]).toEqual([step, true]);
    expect(events.filter((e) => e.type === 'earlyStop')).toEqual([{ type: 'earlyStop', step, ...(best && { best }) }]);
  });

  test('once an epoch, and at the last step, where nothing is said', async () => {
    const { events } = await trained({ epochs: 2.5, watch: {}, score: async () => 1 });
    expect(events.flatMap((e) => (e.type === 'score' ? [e.step] : []))).toEqual([8, 16, 20]);
  });
});
