import { performance } from 'node:perf_hooks';
import { adamwScalars, coefficientInput, dropoutScalars, parametersOf } from '@neuroprune/autodiff';
import type { Tensor } from '@neuroprune/onnx';
import type { Batch, ScalarVectors, Training } from '@neuroprune/runtime';
import { PruneError } from '../errors.js';
import type { HeadRemoval } from '../heads/eliminate.js';
import { prunableLayers } from '../prunable-layer.js';
import { chunkSize } from './chunks.js';
import { Guard, STEP_RESULTS } from './guard.js';
import { Meter } from './meter.js';
import { type Density, densityOf, type Plan } from './plan.js';
import { type Progress, plainRequest } from './progress.js';
import type { Pruner } from './pruner.js';
import type { BatchList, TrainContext, TrainEvent, TrainRequest, TrainResult } from './request.js';
import type { Saver } from './saver.js';
import { learningRate } from './schedule.js';

/** What a run is made of. */
export interface RunParts {
  readonly request: TrainRequest;
  readonly plan: Plan;
  readonly pruner: Pruner;
  readonly training: Training;
  readonly context: TrainContext;
  /** Before the first step. */
  readonly density: Density;
  /** Keeps checkpoints. */
  readonly saver?: Saver;
}

/** A run under way. */
export class Run {
  done = 0;
  private readonly meter: Meter;
  private readonly guard: Guard;
  private readonly removals: HeadRemoval[] = [];
  private epochBatches: BatchList = [];
  private epoch = -1;
  private loss = Number.NaN;
  private density: Density;
  /** Steps at which a chunk has to end. */
  private readonly stops: readonly number[];

  constructor(private readonly parts: RunParts) {
    const { request, pruner, saver, density } = parts;
    this.meter = new Meter(request.maxLength);
    this.guard = new Guard({
      onNan: request.onNan ?? 'stop',
      onEvent: (event) => parts.context.onEvent?.(event),
      before: () => this.before(),
    });
    this.density = density;
    this.stops = [...new Set([...pruner.events, ...(saver?.stops ?? [])])].sort((a, b) => a - b);
  }

  /** Goes on from where a checkpoint was written. */
  resume({ step, sparsity, heads, loss, removals, meter, skips }: Progress): void {
    const { context, plan, saver } = this.parts;
    this.done = step;
    this.density = { sparsity, heads };
    this.loss = loss;
    this.removals.push(...removals);
    this.meter.restore(meter);
    this.guard.skips = skips;
    saver?.resumed(step);
    context.onEvent?.({ type: 'resume', step, steps: plan.steps });
  }

  /** Takes the next steps, then what the method does after them. */
  async chunk(): Promise<void> {
    const { context, pruner, plan, training, saver } = this.parts;
    if (context.signal?.aborted) await this.stop();
    context.signal?.throwIfAborted();
    saver?.check();
    const count = chunkSize(this.done, plan.steps, this.stops, this.meter.lastStepMs);
    const batches = Array.from({ length: count }, (_, i) => this.batch(this.done + i));
    const started = performance.now();
    const results = await training.run(batches, this.scalars(count));
    this.meter.add(batches, performance.now() - started);
    const taken = this.guard.check({ results, batches, first: this.done + 1 });
    this.done += count;
    if (pruner.events.includes(this.done)) await this.prune();
    this.report(results, taken);
    if (saver?.due(this.done)) await this.save(saver);
  }

  /** Waits until the last checkpoint is written. */
  async finish(): Promise<void> {
    await this.parts.saver?.settle();
  }

  /** What came out, the weights apart. */
  result(): Omit<TrainResult, 'tensors'> {
    const { meter, removals, loss } = this;
    return {
      steps: this.done,
      seconds: meter.seconds,
      stepMs: meter.stepMs,
      tokens: meter.tokens,
      computedTokens: meter.computedTokens,
      paddedTokens: meter.paddedTokens,
      removals,
      loss,
      skipped: this.guard.skips.total,
    };
  }

  /** Keeps where the run is, before it is stopped. */
  private async stop(): Promise<void> {
    const { saver } = this.parts;
    if (saver && this.done > 0 && saver.newest !== this.done) await this.save(saver);
    await saver?.settle();
  }

  private async save(saver: Saver): Promise<void> {
    const tensors = await this.parts.training.withState(copyOf);
    this.checkState(tensors);
    await saver.save({ step: this.done, tensors, progress: this.progress() });
  }

  private progress(): Progress {
    const { request, plan, context } = this.parts;
    const { done: step, loss, removals, meter } = this;
    return {
      step,
      ...plan,
      next: { epoch: Math.floor(step / plan.epochSteps), batch: step % plan.epochSteps },
      request: plainRequest(request),
      ...this.density,
      loss,
      removals: [...removals],
      skips: this.guard.skips,
      meter: { ...meter.save(), chunks: [...meter.save().chunks] },
      note: context.checkpoint?.note?.(),
    };
  }

  private batch(step: number): Batch {
    const { request, plan } = this.parts;
    const epoch = Math.floor(step / plan.epochSteps);
    if (epoch !== this.epoch) {
      this.epoch = epoch;
      this.epochBatches = request.batches(epoch);
      const { length } = this.epochBatches;
      if (length !== plan.epochSteps)
        throw new PruneError(`internal: epoch ${epoch}: expected ${plan.epochSteps} batches, got ${length}`);
    }
    return this.epochBatches.at(step % plan.epochSteps) as Batch;
  }

  /** Each scalar input's numbers for the next steps. */
  private scalars(count: number): ScalarVectors {
    const steps = Array.from({ length: count }, (_, i) => this.scalarsOf(this.done + i + 1));
    return Object.fromEntries(
      this.parts.training.signature.scalars.map((name) => [
        name,
        Float32Array.from(steps, (values) => values[name] ?? Number.NaN),
      ]),
    );
  }

  /** All scalars of one step, counted from 1. */
  private scalarsOf(step: number): Record<string, number> {
    const { weightDecay, seed } = this.parts.request;
    const coefficients = Object.entries(this.parts.pruner.coefficients).map(([term, value]) => [
      coefficientInput(term),
      value,
    ]);
    return {
      ...adamwScalars({ lr: this.lr(step), weightDecay }),
      ...dropoutScalars(seed, step),
      ...Object.fromEntries(coefficients),
    };
  }

  private lr(step: number): number {
    return learningRate(step, { ...this.parts.request, steps: this.parts.plan.steps });
  }

  /** A gradient that is no number makes weights that are none, which no checkpoint may hold. */
  private checkState(tensors: ReadonlyMap<string, Tensor>): void {
    const [name] = [...tensors].find(([, { data }]) => !allFinite(data as Float32Array)) ?? [];
    if (name === undefined) return;
    throw new PruneError(
      `training: expected finite weights, got others in ${name} after step ${this.done}${this.before()}; lower the learning rate`,
    );
  }

  /** What a run that broke can go back to. */
  private before(): string {
    const { newest } = this.parts.saver ?? {};
    return newest === undefined ? '' : `, the last good checkpoint is that of step ${newest}`;
  }

  private async prune(): Promise<void> {
    const { request, pruner, training, context } = this.parts;
    await training.withState((state) => {
      const layers = prunableLayers(request.groups, parametersOf(state, training.signature));
      this.removals.push(...pruner.apply(this.done, layers, context.at));
      this.density = densityOf(layers);
    });
  }

  /** Means are over the steps that were taken. */
  private report({ loss, ...others }: Record<string, Float32Array>, taken: readonly boolean[]): void {
    const { plan, context } = this.parts;
    const mean = (values: Float32Array | undefined) => meanOf(values?.filter((_, i) => taken[i]));
    const penalties = Object.entries(others).filter(([name]) => !(STEP_RESULTS as readonly string[]).includes(name));
    this.loss = mean(loss);
    const event: TrainEvent = {
      type: 'train',
      step: this.done,
      steps: plan.steps,
      epoch: this.done / plan.epochSteps,
      loss: this.loss,
      penalties: Object.fromEntries(penalties.map(([name, values]) => [name, mean(values)])),
      lr: this.lr(this.done),
      ...this.density,
      ...(others.grad_norm && { gradNorm: mean(others.grad_norm) }),
      examplesPerSecond: this.meter.examplesPerSecond,
    };
    context.onEvent?.(event);
  }
}

const meanOf = (values: Float32Array | undefined): number =>
  values ? values.reduce((a, b) => a + b, 0) / values.length : Number.NaN;

/** A copy that the next steps leave alone. */
const copyOf = (state: ReadonlyMap<string, Tensor>): Map<string, Tensor> =>
  new Map([...state].map(([name, tensor]) => [name, { ...tensor, data: (tensor.data as Float32Array).slice() }]));

/** Whether all numbers are finite: one that is not makes 0 times it NaN. */
function allFinite(values: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += 0 * (values[i] as number);
  return sum === 0;
}
