import type { ClassScore } from './score-pair.js';
import type { LikelihoodScore, WrittenScore } from './score-text-pair.js';

/** What scoring one model on one task gives. */
export type PairScore = ClassScore | WrittenScore | LikelihoodScore;
