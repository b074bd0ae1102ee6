import { float32 } from '@neuroprune/onnx';
import { describe, expect, it } from 'vitest';
import { batchOf, expectClose, type Micro, repeat, snapshot, start, train, whole } from '../../test/train.js';
import type { TrainableOptions } from '../trainable.js';
import { adamw, adamwScalars } from './adamw.js';
import { clipByGlobalNorm, clipByValue } from './clip.js';
import { ema, emaScalars } from './ema.js';
import { chain, type Optimizer } from './optimizer.js';
import { sgd, sgdScalars } from './sgd.js';

const adam = adamwScalars({ lr: 0.05, weightDecay: 0.1 });

describe('accumulation', () => {
  const rates: [string, Partial<TrainableOptions>][] = [
    ['AdamW', {}],
    [
      'AdamW with clipping, a moving average and a guard',
      { optimizer: chain(clipByGlobalNorm(0.05), adamw(), ema()), guard: 'skip' },
    ],
    ['SGD with masks', { optimizer: sgd({ momentum: 0.9 }), masked: ['layer.0.weight'] }],
    ['fp16', { precision: 'fp16' }],
  ];
  it.each(rates)('of four micro-batches is the big batch: %s', async (name, options) => {
    const parts = [batchOf(0, 3), batchOf(3, 4, 2), batchOf(4, 6, 1), batchOf(6, 8)];
    const real = [3, 1, 2, 2];
    const micro = parts.map((part, i) => ({ ...part, numbers: { share: real[i]! / 8, apply: Number(i === 3) } }));
    const numbers = { ...adam, ...emaScalars({ decay: 0.9 }) };
    const big = await train(options, repeat(2), numbers);
    const small = await train({ ...options, accumulate: true }, [...micro, ...micro], numbers);
    expectClose(small.weights, big.weights, name === 'fp16' ? 2e-3 : 1e-6);
    expect(small.results.slice(0, 4).reduce((sum, { loss }, i) => sum + (loss! * real[i]!) / 8, 0)).toBeCloseTo(
      big.results[0]!.loss!,
      name === 'fp16' ? 3 : 6,
    );
  });

  it('changes only the sum where no step is taken', async () => {
    const options = {
      accumulate: true,
      optimizer: chain(clipByGlobalNorm(1), adamw(), ema()),
      guard: 'skip' as const,
      precision: 'fp16' as const,
    };
    const numbers = { ...adam, ema_decay: 0.5, share: 0.5 };
    const before = await train(options, [{ ...whole, numbers: { apply: 1 } }], numbers);
    const after = await train(
      options,
      [
        { ...whole, numbers: { apply: 1 } },
        { ...whole, numbers: { apply: 0 } },
      ],
      numbers,
    );
    const changed = Object.entries(snapshot(after.state)).filter(
      ([name, values]) => JSON.stringify(values) !== JSON.stringify(snapshot(before.state)[name]),
    );
    expect(changed.map(([name]) => name).sort()).toEqual(
      [...after.signature.stacks.map((s) => `${s.name}.accumulated`), 'accumulated.loss'].sort(),
    );
  });
});

describe('guards', () => {
  const bad: Micro = { ...whole, x: float32([Number.NaN, ...(whole.x.data.slice(1) as Float32Array)], whole.x.dims) };

  it.each([
    ['AdamW', adamw()],
    ['a chain', chain(clipByValue(1), sgd({ momentum: 0.9 }), ema())],
  ] as const)('leave the state alone on a bad step: %s', async (_, optimizer) => {
    const numbers = { ...adam, ema_decay: 0.9 };
    const guarded = await train({ optimizer: optimizer as Optimizer, guard: 'skip' }, [whole, bad, whole], numbers);
    const without = await train({ optimizer: optimizer as Optimizer, guard: 'skip' }, [whole, whole], numbers);
    expect(guarded.results.map((r) => r.skipped)).toEqual([0, 1, 0]);
    expect(snapshot(guarded.state)).toEqual(snapshot(without.state));
    const plain = await train({ optimizer: optimizer as Optimizer }, [whole, whole], numbers);
    expect(snapshot(without.state)).toEqual(snapshot(plain.state));
    const unguarded = await train({ optimizer: optimizer as Optimizer }, [bad], numbers);
    expect(unguarded.weights['layer.0.weight']!.some(Number.isNaN)).toBe(true);
  });

  it('skip the whole step for one bad micro-batch', async () => {
    const micro = (batch: Micro, apply: number) => ({ ...batch, numbers: { share: 0.5, apply } });
    const { results, weights, state } = await train(
      { accumulate: true, guard: 'skip' },
      [micro(bad, 0), micro(whole, 1)],
      adam,
    );
    expect(results.map((r) => r.skipped)).toEqual([0, 1]);
    for (const [name, values] of Object.entries(weights))
      expect(values).toEqual([...start[name as keyof typeof start].data]);
    const sums = [...state]
      .filter(([name]) => name.includes('accumulated'))
      .flatMap(([, { data }]) => [...(data as Float32Array)]);
    expect(sums.every((x) => x === 0)).toBe(true);
  });

  it('report the norm before clipping, when asked', async () => {
    const [plain] = (await train({}, [whole], adam)).results;
    const [asked] = (await train({ gradNorm: true }, [whole], adam)).results;
    const [clipped] = (await train({ optimizer: chain(clipByGlobalNorm(1e-3), adamw()) }, [whole], adam)).results;
    expect(plain).not.toHaveProperty('grad_norm');
    expect(asked!.grad_norm).toBeGreaterThan(0.01);
    expect(clipped!.grad_norm).toBe(asked!.grad_norm);
    const { weights } = await train({ optimizer: sgd(), noDecay: '*' }, [whole], sgdScalars({ lr: 1 }));
    const length = Math.hypot(
      ...Object.entries(weights).flatMap(([name, w]) =>
        w.map((x, i) => x - (start[name as keyof typeof start].data[i] as number)),
      ),
    );
    expect(asked!.grad_norm).toBeCloseTo(length, 6);
  });
});

describe('loss scaling', () => {
  const scaling = { initial: 2 ** 24, interval: 2 };
  const large = {
    ...whole,
    x: float32(
      Float32Array.from(whole.x.data as Float32Array, (v) => v * 300),
      whole.x.dims,
    ),
  };

  it('backs off from an overflow, skipping the step, and grows after good ones', async () => {
    const { results, weights } = await train(
      { precision: 'fp16', emulatePrecision: true, lossScaling: scaling },
      repeat(14, large),
      adam,
    );
    const firstGood = results.findIndex((r) => r.skipped === 0);
    expect(firstGood).toBeGreaterThan(0);
    results.slice(0, firstGood + 1).forEach((r, i) => void expect(r.loss_scale).toBe(2 ** (24 - i)));
    const scales = results.map((r) => r.loss_scale!);
    expect(scales.some((s, i) => i > firstGood && s > scales[i - 1]!)).toBe(true);
    expect(Object.values(weights).flat().every(Number.isFinite)).toBe(true);
    const { weights: untouched } = await train(
      { precision: 'fp16', emulatePrecision: true, lossScaling: scaling },
      [large],
      adam,
    );
    for (const [name, values] of Object.entries(untouched))
      expect(values).toEqual([...start[name as keyof typeof start].data]);
  });

  it('grows, backs off by its own factors', async () => {
    const { results } = await train(
      { precision: 'fp16', emulatePrecision: true, lossScaling: { initial: 64, growth: 4, interval: 3 } },
      repeat(7),
      adam,
    );
    expect(results.map((r) => r.loss_scale)).toEqual([64, 64, 64, 256, 256, 256, 1024]);
    const { results: down } = await train(
      { precision: 'fp16', emulatePrecision: true, lossScaling: { initial: 2 ** 24, backoff: 0.125 } },
      repeat(3, large),
      adam,
    );
    expect(down.map((r) => r.loss_scale)).toEqual([2 ** 24, 2 ** 21, 2 ** 18]);
  });
});
