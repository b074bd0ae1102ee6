import { performance } from 'node:perf_hooks';
import { sizeOf, stateOf, type Tensor } from '@neuroprune/onnx';
import { providerName, type Staged, type Training } from '@neuroprune/runtime';
import { PruneError } from '../errors.js';
import type { HeadRemoval } from '../heads/eliminate.js';
import { bytesOf, CHUNK_BYTES } from './chunk-bytes.js';
import { chunkSeconds, chunkSize } from './chunks.js';
import { apart, type DeviceEvents } from './device-events.js';
import { Feed, foldResults, mergedForMessages, type StepBatches } from './feed.js';
import { Guard, STEP_RESULTS } from './guard.js';
import { Meter } from './meter.js';
import type { Parameters } from './parameters.js';
import type { Density, Plan } from './plan.js';
import { type Progress, plainRequest } from './progress.js';
import type { Pruner } from './pruner.js';
import type { TrainContext, TrainEvent, TrainRequest, TrainResult } from './request.js';
import type { Saver } from './saver.js';
import { rateAt, scalarsOf } from './scalars.js';
import { workOn } from './state-place.js';
import type { StateJob, StateResult } from './state-work.js';
import type { Watch } from './watch.js';

/** What a run is made of. */
export interface RunParts {
  readonly request: TrainRequest;
  readonly plan: Plan;
  readonly pruner: Pruner;
  /** Mask events that the device takes by itself. */
  readonly events?: DeviceEvents | undefined;
  readonly training: Training;
  readonly parameters: Parameters;
  readonly watch: Watch;
  readonly context: TrainContext;
  /** Before the first step. */
  readonly density: Density;
  /** Weights that may be pruned. */
  readonly prunable: number;
  /** Keeps checkpoints. */
  readonly saver?: Saver;
}

/** Steps that are ready to be taken. */
interface Chunk {
  readonly steps: readonly StepBatches[];
  readonly staged: Staged;
}

/** A run under way. */
export class Run {
  done = 0;
  private readonly meter: Meter;
  private readonly guard: Guard;
  private readonly removals: HeadRemoval[] = [];
  private readonly feed: Feed;
  private loss = Number.NaN;
  private density: Density;
  /** Steps after which the host prunes. */
  private readonly prunes: ReadonlySet<number>;
  /** Steps at which a chunk has to end. */
  private readonly stops: readonly number[];
  /** What a chunk should take. */
  private readonly seconds: number;
  /** The next chunk, made ready while the one before it runs. */
  private ahead: { readonly done: number; readonly chunk: Promise<Chunk> } | undefined;

  constructor(private readonly parts: RunParts) {
    const { request, plan, pruner, events, saver, density, watch } = parts;
    this.meter = new Meter(request.maxLength);
    this.feed = new Feed(request, plan);
    this.guard = new Guard({
      onNan: request.onNan ?? 'stop',
      onEvent: (event) => parts.context.onEvent?.(event),
      before: () => this.before(),
    });
    this.density = density;
    this.prunes = new Set(pruner.events.filter((step) => !events?.steps.has(step)));
    const { session, signature } = parts.training;
    const bytes = stateOf(signature).reduce((n, { dims }) => n + 4 * sizeOf(dims), 0);
    this.seconds = chunkSeconds(providerName(session.device), bytes);
    this.stops = [...new Set([...this.prunes, ...(saver?.stops ?? []), ...watch.stops])].sort((a, b) => a - b);
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
    const { context, saver, watch } = this.parts;
    if (context.signal?.aborted) await this.stop();
    context.signal?.throwIfAborted();
    saver?.check();
    const started = performance.now();
    const results = await this.steps();
    const count = results.steps.length;
    const batches = results.steps.flatMap((step) => step.batches);
    this.meter.add(batches, performance.now() - started, count);
    const folded = foldResults(results.each, results.steps);
    const taken = this.guard.check({
      results: folded,
      batches: results.steps.map(mergedForMessages),
      first: this.done + 1,
    });
    this.done += count;
    if (this.prunes.has(this.done)) await this.prune();
    this.report(folded, taken);
    if (watch.stops.includes(this.done)) await this.look();
    if (saver?.due(this.done) || (saver && this.over)) await this.save(saver);
  }

  /** Whether there is no further step to take. */
  get over(): boolean {
    return this.done >= this.parts.plan.steps || this.parts.watch.over;
  }

  /** Takes the next steps; returns what each micro-batch gave. */
  private async steps() {
    const { training } = this.parts;
    const ready = this.ahead?.done === this.done ? this.ahead.chunk : this.prepare(this.done);
    const { steps, staged } = await ready;
    const running = training.runStaged(staged);
    this.prepareAhead(this.done + steps.length);
    const { results, event } = apart(await running);
    if (event) this.density = { sparsity: event.zeros / this.parts.prunable, heads: event.heads };
    return { steps, each: results };
  }

  private prepareAhead(done: number): void {
    if (done >= this.parts.plan.steps) return;
    const chunk = this.prepare(done);
    chunk.catch(() => undefined); // whoever takes it hears of it
    this.ahead = { done, chunk };
  }

  /** The steps that come after `done` others, as far as the next stop. */
  private async prepare(done: number): Promise<Chunk> {
    const { training, ...source } = this.parts;
    const count = chunkSize(done, source.plan.steps, this.stops, this.meter.lastStepMs, this.seconds);
    const steps: StepBatches[] = [];
    for (let bytes = 0; steps.length < count && bytes < CHUNK_BYTES; ) {
      const step = await this.feed.step(done + steps.length);
      steps.push(step);
      bytes += step.batches.reduce((n, batch) => n + bytesOf(batch), 0);
    }
    const scalars = scalarsOf(source, training.signature.scalars, steps, done);
    const batches = steps.flatMap((step) => step.batches);
    return { steps, staged: training.stage(batches, scalars) };
  }

  /** Scores what the run would end with now. */
  private async look(): Promise<void> {
    const { watch, context, plan, prunable: weights } = this.parts;
    const tensors = await this.tensors();
    const event = await watch.look(this.done, { ...this.density, weights }, tensors);
    context.onEvent?.(event);
    if (!watch.over || this.done >= plan.steps) return;
    const { best } = watch;
    context.onEvent?.({ type: 'earlyStop', step: this.done, ...(best && { best: best.step }) });
  }

  /** Waits until the last checkpoint is written. */
  async finish(): Promise<void> {
    await this.parts.saver?.settle();
  }

  /** What came out, the weights apart. */
  result(): Omit<TrainResult, 'tensors'> {
    const { meter, removals, loss, done: steps } = this;
    const { watch, plan } = this.parts;
    return {
      steps,
      seconds: meter.seconds,
      stepMs: meter.stepMs,
      tokens: meter.tokens,
      computedTokens: meter.computedTokens,
      paddedTokens: meter.paddedTokens,
      removals,
      loss,
      skipped: this.guard.skips.total,
      ...(watch.best && { best: watch.best }),
      ...(steps < plan.steps && { stoppedEarly: true }),
    };
  }

  /** Keeps where the run is, before it is stopped. */
  private async stop(): Promise<void> {
    const { saver } = this.parts;
    if (saver && this.done > 0 && saver.newest !== this.done) await this.save(saver);
    await saver?.settle();
  }

  private async save(saver: Saver): Promise<void> {
    const { tensors, broken } = await this.workOn({ type: 'copy' });
    if (broken !== undefined) throw this.notFinite(broken);
    for (const [name, tensor] of this.parts.watch.save().tensors) tensors.set(name, tensor as Tensor<'float32'>);
    await saver.save({ step: this.done, tensors, progress: this.progress() });
  }

  /** What the run would end with now, copied. */
  async tensors(): Promise<Map<string, Tensor<'float32'>>> {
    return (await this.workOn({ type: 'tensors' })).tensors;
  }

  /** Does work on the state. */
  private workOn(job: StateJob): Promise<StateResult> {
    const { request, plan, parameters, training, context } = this.parts;
    const ramp = { steps: plan.steps, epochSteps: plan.epochSteps };
    return workOn(training, { method: request.method, groups: request.groups, ramp, parameters }, job, context.at);
  }

  private progress(): Progress {
    const { request, plan, context, watch } = this.parts;
    const { done: step, loss, removals, meter } = this;
    return {
      step,
      ...plan,
      next: { epoch: Math.floor(step / plan.epochSteps), batch: (step % plan.epochSteps) * (request.accumulate ?? 1) },
      request: plainRequest(request),
      ...this.density,
      loss,
      removals: [...removals],
      skips: this.guard.skips,
      watch: watch.save().state,
      meter: { ...meter.save(), chunks: [...meter.save().chunks] },
      note: context.checkpoint?.note?.(),
    };
  }

  /** A gradient that is no number makes weights that are none, which no checkpoint may hold. */
  private notFinite(name: string): PruneError {
    return new PruneError(
      `training: expected finite weights, got others in ${name} after step ${this.done}${this.before()}; lower the learning rate`,
    );
  }

  /** What a run that broke can go back to. */
  private before(): string {
    const { newest } = this.parts.saver ?? {};
    return newest === undefined ? '' : `, the last good checkpoint is that of step ${newest}`;
  }

  private async prune(): Promise<void> {
    const { removals, density } = await this.workOn({ type: 'prune', step: this.done });
    this.removals.push(...removals);
    if (density) this.density = density;
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
      lr: rateAt(this.parts, this.done),
      ...this.density,
      ...(others.grad_norm && { gradNorm: mean(others.grad_norm) }),
      examplesPerSecond: this.meter.examplesPerSecond,
    };
    context.onEvent?.(event);
  }
}

const meanOf = (values: Float32Array | undefined): number =>
  values ? values.reduce((a, b) => a + b, 0) / values.length : Number.NaN;
