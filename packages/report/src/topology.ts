import { z } from 'zod';

const count = z.int().nonnegative();

/** Fractional degrees of a layer's neurons: their mean, standard deviation and histogram over equal bins of 0 … 1. */
export const DegreeDistribution = z.object({
  neurons: count,
  mean: z.number(),
  sd: z.number(),
  histogram: z.array(count),
});
export type DegreeDistribution = z.output<typeof DegreeDistribution>;

/** What became of a head; `into` is the head of the same layer that absorbed it. */
export const HeadState = z.discriminatedUnion('state', [
  z.object({ state: z.literal('kept') }),
  z.object({ state: z.literal('absorbed'), into: count }),
  z.object({ state: z.literal('removed') }),
]);
export type HeadState = z.output<typeof HeadState>;

/** What the figures show of one layer. */
export const LayerTopology = z.object({
  layer: count,
  headStates: z.array(HeadState),
  /** Σ|W_O| of each head as a share of the layer. */
  headShares: z.array(z.number()),
  /** Degrees of hidden units (L_in row and L_out column) and of input dimensions (columns of Q, K, V). */
  degrees: z.object({ units: DegreeDistribution, inputs: DegreeDistribution }),
});
export type LayerTopology = z.output<typeof LayerTopology>;
