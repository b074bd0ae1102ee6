import type { z } from 'zod';
import { ConvertOptions } from './convert.js';
import { DoctorOptions } from './doctor.js';
import { EvaluateOptions } from './evaluate.js';
import { FinetuneOptions } from './finetune.js';
import { HubServeOptions } from './hub-serve.js';
import { PruneOptions } from './prune.js';
import { PruneAndPublishOptions } from './prune-and-publish.js';
import { PublishOptions } from './publish.js';
import { ReportOptions } from './report.js';

/** A command of the CLI and a function of the API. */
export interface Verb {
  /** What it does, one sentence without a full stop. */
  readonly summary: string;
  readonly schema: z.ZodObject;
  /** Command lines without the command's name. */
  readonly examples: readonly string[];
}

/** All verbs, in the order in which help lists them. */
export const verbs = {
  'prune-and-publish': {
    summary: 'Fetch, train sparse, evaluate, compact, prove and push a model',
    schema: PruneAndPublishOptions,
    examples: [
      'prune-and-publish sentence-transformers/all-MiniLM-L6-v2 --task mrpc --sparsity 0.7 --to local/minilm-mrpc-np70',
    ],
  },
  prune: {
    summary: 'All of prune-and-publish but the push; leaves a run folder',
    schema: PruneOptions,
    examples: [
      'prune sentence-transformers/all-MiniLM-L6-v2 --task mrpc --sparsity 0.7 --heads 60 --baseline dense',
      'prune ./model --task rte --method gradual --sparsity 0.8 --out runs/rte80',
      'prune ./t5 --task translation --dataset ./pairs --columns translation.de,translation.en --sparsity 0.5 --heads 16',
      'prune ./model --task rte --sparsity 0.7 --teacher runs/dense --distill-hidden 0.1 --ema 0.999 --keep-best',
    ],
  },
  finetune: {
    summary: 'Train densely with the same trainer; leaves a run folder',
    schema: FinetuneOptions,
    examples: [
      'finetune sentence-transformers/all-MiniLM-L6-v2 --task mrpc --epochs 3',
      'finetune ./model --task sst2 --batch-size 16 --accumulate 2 --max-grad-norm 1 --schedule cosine --layer-decay 0.9',
      'finetune ./model --task mnli --device cuda --batch-size 256 --accumulate auto',
      'finetune ./model --task cola --epochs 20 --early-stopping 3 --keep-best --class-weights balanced --seeds 3',
    ],
  },
  convert: {
    summary: 'Turn a model into ONNX, or compare its training graph with a golden file',
    schema: ConvertOptions,
    examples: [
      'convert ./model --out onnx',
      'convert ./model --verify golden.safetensors --json',
      'convert ./model.onnx --dry-run',
    ],
  },
  evaluate: {
    summary: "Score a model on a task's rows with the task's official metrics",
    schema: EvaluateOptions,
    examples: [
      'evaluate runs/rte80/model --task rte',
      'evaluate ./model.onnx --task mrpc --limit 100 --json',
      'evaluate ./dense runs/pruned --task translation --dataset ./wmt --columns translation.de,translation.en --num-beams 4',
      'evaluate runs/t5 --task translation --dataset ./wmt --columns translation.en,translation.zh --bleu-tokenize zh',
      'evaluate runs/llama --task perplexity --stride 512 --fail-above perplexity=20',
    ],
  },
  publish: {
    summary: 'Push the model of a run folder to a Hub',
    schema: PublishOptions,
    examples: ['publish runs/rte80 --to local/rte80 --private'],
  },
  report: {
    summary: "Write the report again from a run's JSON",
    schema: ReportOptions,
    examples: ['report runs/rte80'],
  },
  doctor: {
    summary: 'Say what runs on this machine, which providers work and why not; get the CUDA provider',
    schema: DoctorOptions,
    examples: ['doctor', 'doctor --json', 'doctor --install-cuda', 'doctor --install-cuda --wheel onnxruntime_gpu.whl'],
  },
  'hub serve': {
    summary: 'Serve a Hub on loopback until SIGTERM',
    schema: HubServeOptions,
    examples: ['hub serve --port 8080 --root hub --token hf_local --seed fixtures/hub'],
  },
} as const satisfies Record<string, Verb>;

/** Name of a verb as typed on the command line. */
export type VerbName = keyof typeof verbs;

/** Options of a verb with defaults filled in. */
export type VerbOptions<V extends VerbName> = z.output<(typeof verbs)[V]['schema']>;

/** Options of a verb as a caller gives them. */
export type VerbInput<V extends VerbName> = z.input<(typeof verbs)[V]['schema']>;

// Object.keys types its result as string[]; the table is a constant.
/** Names of all verbs, in the order in which help lists them. */
export const verbNames = Object.keys(verbs) as readonly VerbName[];

/** Whether a word is the name of a verb. */
export function isVerbName(word: string): word is VerbName {
  return Object.hasOwn(verbs, word);
}
