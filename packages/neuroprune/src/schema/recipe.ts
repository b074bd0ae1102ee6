import { z } from 'zod';
import { count, option, text } from './options.js';
import { isOfCuda, misplaced, Precision } from './precision.js';

const positive = z.number().gt(0);
const share = z.number().min(0).lt(1);
const off = { 'x-default': 'off' } as const;

const texts = z.union([text, z.array(text).min(1)]).transform((items) => [items].flat());

/** `balanced`, or a weight for each class. */
const classWeights = z
  .union([text, z.array(z.union([text, z.number()])).min(1)])
  .transform((items, issues): 'balanced' | number[] => {
    const given = [items].flat();
    if (given.length === 1 && given[0] === 'balanced') return 'balanced';
    const weights = given.map((item) => (item === '' ? Number.NaN : Number(item)));
    if (weights.every((weight) => weight > 0 && Number.isFinite(weight))) return weights;
    issues.addIssue({ code: 'custom', message: `expected balanced, or a weight above 0 for each class, got ${given}` });
    return z.NEVER;
  });

/** Options of how steps are made, beside those of every training. */
export const recipeOptions = {
  accumulate: option(z.union([count(1), z.literal('auto')]).default(1), {
    description:
      'Batches whose gradients make a step together; auto divides --batch-size into as few as memory has room for',
    'x-value': 'N|auto',
  }),
  maxGradNorm: option(positive.optional(), { description: 'Norm that gradients are scaled down to', ...off }),
  layerDecay: option(z.number().gt(0).max(1).optional(), {
    description: 'Factor of the learning rate from each layer to the one before; the head has all of it',
    ...off,
  }),
  labelSmoothing: option(share.optional(), {
    description: 'Part of a label that is spread over all classes',
    ...off,
  }),
  classWeights: option(classWeights.optional(), {
    description: 'Weights of the classes in the loss; balanced for rows / (classes · rows of the class)',
    'x-value': 'balanced|W,W,…',
    'x-default': '1 each',
  }),
  freeze: option(texts.optional(), {
    description: 'Parameters that stay as they are, * for anything, such as bert.embeddings.*',
    'x-value': 'PATTERN[,PATTERN]',
    'x-default': 'none',
  }),
  ema: option(share.optional(), {
    description: 'Decay of averages of the weights, which are scored and published in their place',
    ...off,
  }),
  precision: option(Precision.optional(), {
    description:
      'Type of products in training; weights and moments stay fp32, fp16 scales the loss; tf32, bf16: on cuda',
    'x-default': 'tf32 on cuda, fp32 elsewhere',
  }),
  evaluateEvery: option(
    z
      .string()
      .regex(/^([1-9]\d*|epoch)$/)
      .optional(),
    {
      description: 'Steps between two scores in training, or epoch; the last step is scored too',
      'x-value': 'STEPS|epoch',
      'x-default': 'epoch with --early-stopping or --keep-best, or never',
    },
  ),
  evaluateOn: option(z.enum(['held-out', 'validation']).optional(), {
    description:
      'Rows of scores in training: a tenth of the training rows, held out by the seed, or the validation split',
    'x-default': 'held-out',
  }),
  earlyStopping: option(count(1).optional(), {
    description: "Scores of the task's metric without a better one after which training ends, from the target on",
    'x-value': 'PATIENCE',
    ...off,
  }),
  keepBest: option(z.boolean().default(false), {
    description: "End with the weights of the best score of the task's metric from the target on, not the last",
  }),
  teacher: option(text.optional(), {
    description: 'Dense model of the task to learn from beside the labels: a Hub id, a folder or a run folder',
    'x-value': 'MODEL|DIR|RUN',
    'x-default': 'none',
  }),
  distillWeight: option(z.number().min(0).max(1).optional(), {
    description: "Part of the loss that compares logits with the teacher's",
    'x-default': '0.5 with --teacher, 0 for scores',
  }),
  distillTemperature: option(positive.optional(), {
    description: 'What logits are divided by to compare them',
    'x-default': '2 with --teacher',
  }),
  distillHidden: option(z.number().min(0).optional(), {
    description: "Weight of the mean squared difference from the teacher's hidden states, layer by layer",
    'x-default': '0',
  }),
  seeds: option(count(1).default(1), {
    description: 'Runs with seeds one after another, from --seed on, in seed-N/ of the run folder, and their mean',
  }),
} as const;

interface Asked {
  readonly [name: string]: unknown;
  readonly device: string;
  readonly precision?: string | undefined;
  readonly teacher?: string | undefined;
  readonly packing: boolean;
  readonly seeds: number;
}

/** Options that act only beside others. */
export function requireRecipe(asked: Asked, issues: z.core.$RefinementCtx): void {
  const complain = (path: string, message: string): void => {
    issues.addIssue({ code: 'custom', path: [path], message });
  };
  const given = (name: string) => asked[name] !== undefined;
  for (const name of ['distillWeight', 'distillTemperature', 'distillHidden'])
    if (given(name) && !given('teacher')) complain(name, 'acts only with --teacher, got none');
  if (given('evaluateOn') && !isWatched(asked))
    complain('evaluateOn', 'acts only with --evaluate-every, --early-stopping or --keep-best, got none of them');
  if (isOfCuda(asked.precision) && asked.device === 'cpu') complain('precision', misplaced(asked.precision, 'cpu'));
  if (asked.packing && Number(asked.distillHidden ?? 0) > 0)
    complain('distillHidden', 'acts only without --packing, got --packing');
  if (asked.publishBest === true && asked.seeds === 1) complain('publishBest', 'acts only with --seeds, got one seed');
}

/** Whether weights are scored in training. */
export const isWatched = ({ evaluateEvery, earlyStopping, keepBest }: Readonly<Record<string, unknown>>): boolean =>
  evaluateEvery !== undefined || earlyStopping !== undefined || keepBest === true;
