// A process of its own: the library keeps its settings in one global object, and nothing of the run may help it.
import { text } from 'node:stream/consumers';
import {
  AutoModelForCausalLM,
  AutoModelForSeq2SeqLM,
  AutoModelForSequenceClassification,
  AutoTokenizer,
  env,
  PreTrainedModel,
  type Tensor,
} from '@huggingface/transformers';

/** What the process reads from its standard input. */
export interface ReadBackOrder {
  readonly endpoint: string;
  readonly repo: string;
  readonly revision: string;
  readonly cacheDir: string;
  readonly maxLength: number;
  readonly inputs: readonly (readonly string[])[];
  /** How the model writes, where it does; then the tokens it writes are what is answered. */
  readonly writes?: { readonly kind: 'causal' | 'seq2seq'; readonly newTokens: number };
}

const BATCH = 16;

const order: ReadBackOrder = JSON.parse(await text(process.stdin));
const { endpoint, repo, revision, cacheDir, inputs, maxLength } = order;
const token = process.env.HF_TOKEN;
env.remoteHost = `${endpoint}/`;
env.allowLocalModels = false;
env.cacheDir = cacheDir;
// The library sends the token to huggingface.co alone; a private repository elsewhere needs it too.
const plainFetch = env.fetch;
env.fetch = (url, init) => {
  const headers = new Headers(init?.headers);
  if (token && new URL(String(url)).origin === new URL(endpoint).origin)
    headers.set('Authorization', `Bearer ${token}`);
  return plainFetch(url, { ...init, headers });
};

const tokenizer = await AutoTokenizer.from_pretrained(repo, { revision });
process.stdout.write(JSON.stringify(await (order.writes ? tokensOf(order.writes) : logitsOf())));

async function logitsOf(): Promise<number[][]> {
  const model = await classifier();
  const logits: number[][] = [];
  for (let start = 0; start < inputs.length; start += BATCH) {
    const part = inputs.slice(start, start + BATCH);
    const pairs = part.flatMap(([, second]) => (second === undefined ? [] : [second]));
    const encoded = tokenizer(
      part.map(([first]) => first ?? ''),
      { padding: true, truncation: true, max_length: maxLength, ...(pairs.length > 0 ? { text_pair: pairs } : {}) },
    );
    const output = await model(encoded);
    logits.push(...output.logits.tolist());
  }
  return logits;
}

/** The library has no class for a decoder that classifies; its base class runs any file that reads whole texts. */
function classifier(): Promise<PreTrainedModel> {
  const options = { revision, dtype: 'fp32' } as const;
  return AutoModelForSequenceClassification.from_pretrained(repo, options).catch((error: Error) => {
    if (error.message.startsWith('Unsupported model type')) return PreTrainedModel.from_pretrained(repo, options);
    throw error;
  });
}

/** The new tokens of each input, greedily, behind the decoder's start or the input itself. */
async function tokensOf({ kind, newTokens }: NonNullable<ReadBackOrder['writes']>): Promise<number[][]> {
  const from = kind === 'causal' ? AutoModelForCausalLM : AutoModelForSeq2SeqLM;
  const model = await from.from_pretrained(repo, { revision, dtype: 'fp32' });
  const written: number[][] = [];
  for (const [text = ''] of inputs) {
    const encoded = tokenizer(text);
    const options = { ...encoded, max_new_tokens: newTokens, do_sample: false, num_beams: 1 };
    const tokens = ((await model.generate(options)) as Tensor).tolist()[0].map(Number);
    written.push(tokens.slice(kind === 'causal' ? encoded.input_ids.dims[1] : 1));
  }
  return written;
}
