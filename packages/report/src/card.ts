import { type Block, heading, paragraph, toMarkdown } from './document.js';
import type { Figure } from './figures/figure.js';
import { askedTable, metricsTable, proofNote, sizeTable, variantsTable, zerosNote } from './numbers.js';
import { figurePath } from './report.js';
import type { RunResult } from './run-result.js';

/** What a card needs beside the run. */
export interface CardOptions {
  /** Repository it is published in, `org/name`. */
  readonly repo: string;
  /** Figures shown, which lie under `figures/` in the repository. */
  readonly figures?: readonly Figure[];
  /** An input to try: one sentence, or two for tasks about pairs. */
  readonly example?: readonly [string] | readonly [string, string];
}

/** The body of a model card, Markdown without front matter: numbers, figures, how to load it in three runtimes. */
export function renderCardBody(
  run: RunResult,
  { repo, figures = [], example = ['A sentence to try.'] }: CardOptions,
): string {
  const name = repo.slice(repo.lastIndexOf('/') + 1);
  return toMarkdown([
    heading(1, name),
    paragraph(
      { code: run.model },
      ' trained on ',
      { code: run.task },
      ' with ',
      { code: run.method },
      ', its dead structure cut out.',
    ),
    heading(2, 'Numbers'),
    askedTable(run),
    metricsTable(run),
    sizeTable(run),
    ...variantsTable(run),
    paragraph(zerosNote(run)),
    paragraph(proofNote(run)),
    ...figures.map((figure): Block => ({ kind: 'figure', figure, path: figurePath(figure) })),
    heading(2, 'How to load it'),
    paragraph(
      { code: 'model.safetensors' },
      ' has the dense shapes with zeros, ',
      { code: 'onnx/model.onnx' },
      ' the small ones; both give the same logits.',
    ),
    ...loading.flatMap(({ title, language, lines }): Block[] => [
      heading(3, title),
      { kind: 'code', language, lines: lines(repo, example) },
    ]),
    heading(2, 'How it was made'),
    paragraph(
      'Sparse training with head elimination after ',
      { link: 'NeuroPrune', to: 'https://arxiv.org/abs/2404.01306' },
      '. ',
      { code: 'neuroprune.json' },
      ' holds the recipe, the structure and the measurements.',
    ),
  ]);
}

interface Loading {
  readonly title: string;
  readonly language: string;
  lines(repo: string, example: readonly string[]): string[];
}

const python = (values: readonly string[]) => values.map((v) => JSON.stringify(v)).join(', ');

const loading: readonly Loading[] = [
  {
    title: 'Python, transformers',
    language: 'python',
    lines: (repo, example) => [
      'from transformers import AutoModelForSequenceClassification, AutoTokenizer',
      '',
      `tokenizer = AutoTokenizer.from_pretrained(${python([repo])})`,
      `model = AutoModelForSequenceClassification.from_pretrained(${python([repo])})`,
      `logits = model(**tokenizer(${python(example)}, return_tensors="pt")).logits`,
    ],
  },
  {
    title: 'Python, onnxruntime',
    language: 'python',
    lines: (repo, example) => [
      'import onnxruntime',
      'from huggingface_hub import hf_hub_download',
      'from transformers import AutoTokenizer',
      '',
      `session = onnxruntime.InferenceSession(hf_hub_download(${python([repo, 'onnx/model.onnx'])}))`,
      `tokenizer = AutoTokenizer.from_pretrained(${python([repo])})`,
      `inputs = tokenizer(${python(example)}, return_tensors="np")`,
      'names = [i.name for i in session.get_inputs()]',
      'logits = session.run(["logits"], {name: inputs[name].astype("int64") for name in names})[0]',
    ],
  },
  {
    title: 'JavaScript, transformers.js',
    language: 'js',
    lines: (repo, [first = '', second]) => [
      "import { AutoModelForSequenceClassification, AutoTokenizer } from '@huggingface/transformers';",
      '',
      `const tokenizer = await AutoTokenizer.from_pretrained(${JSON.stringify(repo)});`,
      `const model = await AutoModelForSequenceClassification.from_pretrained(${JSON.stringify(repo)}, { dtype: 'fp32' });`,
      `const inputs = tokenizer(${JSON.stringify(first)}${second === undefined ? '' : `, { text_pair: ${JSON.stringify(second)} }`});`,
      'const { logits } = await model(inputs);',
    ],
  },
];
