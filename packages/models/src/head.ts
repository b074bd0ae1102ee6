import { z } from 'zod';
import type { ModelConfig } from './architecture.js';
import { ModelsError } from './errors.js';

const problemTypes = ['single_label_classification', 'multi_label_classification', 'regression'] as const;

/** What a head's logits mean, by transformers' names. */
export type ProblemType = (typeof problemTypes)[number];

/** The task head of a model. */
export interface Head {
  /** Columns of the logits. */
  readonly numLabels: number;
  readonly problemType: ProblemType;
  /** Name of each column. */
  readonly id2label: readonly string[];
}

/** What a caller says of the head; the rest follows from it. */
export interface HeadRequest {
  readonly numLabels: number;
  readonly problemType?: ProblemType;
  readonly id2label?: readonly string[];
}

/** A vocabulary-sized head is no classifier's; the cap stands before memory is asked for. */
const MOST_LABELS = 100_000;

const HeadConfig = z.object({
  num_labels: z.int().positive().max(MOST_LABELS).optional(),
  id2label: z.record(z.string().regex(/^\d+$/), z.string()).nullish(),
  problem_type: z.enum(problemTypes).nullish(),
});

const defaultLabels = (count: number) => Array.from({ length: count }, (_, i) => `LABEL_${i}`);

/** The head that was asked for, or the one a configuration describes (two labels when it says nothing). */
export const headOf = (config: ModelConfig, asked?: HeadRequest): Head => completed(asked ?? describedHead(config));

function describedHead(config: ModelConfig): HeadRequest {
  const { success, data } = HeadConfig.safeParse(config);
  if (!success)
    throw new ModelsError('config.json: expected num_labels, id2label and problem_type as transformers writes them');
  const { num_labels, id2label, problem_type } = data;
  const names = id2label ? Object.entries(id2label).sort(([a], [b]) => Number(a) - Number(b)) : [];
  return {
    numLabels: num_labels ?? (names.length || 2),
    ...(names.length > 0 && { id2label: names.map(([, name]) => name) }),
    ...(problem_type && { problemType: problem_type }),
  };
}

function completed({ numLabels, problemType, id2label = defaultLabels(numLabels) }: HeadRequest): Head {
  if (!Number.isInteger(numLabels) || numLabels < 1 || numLabels > MOST_LABELS) {
    throw new ModelsError(`task head: expected 1 to ${MOST_LABELS} labels, got ${numLabels}`);
  }
  if (id2label.length !== numLabels) {
    throw new ModelsError(`task head: expected ${numLabels} label names, got ${id2label.length}`);
  }
  // transformers decides the same way when problem_type is absent (BertForSequenceClassification.forward).
  return {
    numLabels,
    problemType: problemType ?? (numLabels === 1 ? 'regression' : 'single_label_classification'),
    id2label,
  };
}
