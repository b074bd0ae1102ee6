import type { Inline } from './document.js';

/** How a model writes: after reading a source, or going on with a text. */
export type Writes = 'seq2seq' | 'causal';

/** Code that loads a model in a runtime. */
export interface Loading {
  readonly title: string;
  readonly language: string;
  lines(repo: string, example: readonly string[]): string[];
}

const python = (values: readonly string[]) => values.map((v) => JSON.stringify(v)).join(', ');

/** Code that lets a model classify, by that class of transformers.js. */
const classifying = (name: string): readonly Loading[] => [
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
      `import { ${name}, AutoTokenizer } from '@huggingface/transformers';`,
      '',
      `const tokenizer = await AutoTokenizer.from_pretrained(${JSON.stringify(repo)});`,
      `const model = await ${name}.from_pretrained(${JSON.stringify(repo)}, { dtype: 'fp32' });`,
      `const inputs = tokenizer(${JSON.stringify(first)}${second === undefined ? '' : `, { text_pair: ${JSON.stringify(second)} }`});`,
      'const { logits } = await model(inputs);',
    ],
  },
];

/** Code that lets a model write, in transformers' and transformers.js' classes for its kind. */
const writing = (name: string): readonly Loading[] => [
  {
    title: 'Python, transformers',
    language: 'python',
    lines: (repo, [first = '']) => [
      `from transformers import ${name}, AutoTokenizer`,
      '',
      `tokenizer = AutoTokenizer.from_pretrained(${python([repo])})`,
      `model = ${name}.from_pretrained(${python([repo])})`,
      `tokens = model.generate(**tokenizer(${python([first])}, return_tensors="pt"), max_new_tokens=64)`,
      'print(tokenizer.batch_decode(tokens, skip_special_tokens=True))',
    ],
  },
  {
    title: 'JavaScript, transformers.js',
    language: 'js',
    lines: (repo, [first = '']) => [
      `import { ${name}, AutoTokenizer } from '@huggingface/transformers';`,
      '',
      `const tokenizer = await AutoTokenizer.from_pretrained(${JSON.stringify(repo)});`,
      `const model = await ${name}.from_pretrained(${JSON.stringify(repo)}, { dtype: 'fp32' });`,
      `const tokens = await model.generate({ ...tokenizer(${JSON.stringify(first)}), max_new_tokens: 64 });`,
      'console.log(tokenizer.batch_decode(tokens, { skip_special_tokens: true }));',
    ],
  },
  {
    title: 'JavaScript, onnxruntime-node with beam search',
    language: 'js',
    lines: (_, [first = '']) => [
      "import { loadGenerator, loadTokenizer } from '@neuroprune/evaluate';",
      '',
      "const folder = './model'; // a copy of this repository",
      'const tokenizer = await loadTokenizer(folder);',
      'const generator = await loadGenerator(folder);',
      `const { inputIds } = tokenizer.encode(${JSON.stringify(first)}, undefined, 512);`,
      'const { texts } = await generator.generate([inputIds], { numBeams: 4, maxNewTokens: 64 });',
      'console.log(tokenizer.decode(texts[0].tokens));',
    ],
  },
];

/** Code that loads a model, a runtime each; transformers.js has no class of its own for decoders that classify. */
export function loadingOf(writes: Writes | undefined, decoder = false): readonly Loading[] {
  if (writes === undefined) return classifying(decoder ? 'PreTrainedModel' : 'AutoModelForSequenceClassification');
  return writing(writes === 'causal' ? 'AutoModelForCausalLM' : 'AutoModelForSeq2SeqLM');
}

/** The ONNX files of a model, as a card names them. */
export const filesOf = (writes: Writes | undefined): Inline[] =>
  writes === 'seq2seq'
    ? [{ code: 'onnx/encoder_model.onnx' }, ' with ', { code: 'onnx/decoder_model_merged.onnx' }]
    : [{ code: 'onnx/model.onnx' }];
