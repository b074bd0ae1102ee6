import type { OutGrouping } from './degree.js';

/** Dense training: nothing is pruned. */
export interface DenseMethod {
  readonly name: 'dense';
}

/** Gradual magnitude pruning (Zhu & Gupta 2017), all prunable matrices together. */
export interface GradualMethod {
  readonly name: 'gradual';
  /** Share of exact zeros in the prunable matrices at the end. */
  readonly sparsity: number;
}

/** NeuroPrune's topology as thresholds without shrinkage. */
export interface ThresholdMethod {
  readonly name: 'neuroprune';
  readonly solver: 'threshold';
  readonly sparsity: number;
  /** Heads that stay in the whole model; θ follows by feedback. */
  readonly heads?: number;
  /** Largest difference of two similar heads, where no number of heads is asked for. */
  readonly theta?: number;
  readonly outGrouping: OutGrouping;
  /** Exponent of the topology in the scores. */
  readonly gamma: number;
}

/** The paper's penalties as loss terms with fixed coefficients. */
export interface SubgradientMethod {
  readonly name: 'neuroprune';
  readonly solver: 'subgradient';
  /** Coefficient of R_mlp (Eq. 1). */
  readonly alpha: number;
  /** Coefficient of R_attn (Eq. 2). */
  readonly beta: number;
  readonly heads?: number;
  readonly theta?: number;
  readonly outGrouping: OutGrouping;
  /** Where given, the rest is trimmed by magnitude at the end of the ramp; otherwise what fell below ε is cut at the end. */
  readonly sparsity?: number;
}

/** How a run prunes. */
export type Method = DenseMethod | GradualMethod | ThresholdMethod | SubgradientMethod;

/** The paper's θ. */
export const THETA = 0.15;
