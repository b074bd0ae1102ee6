import { existsSync } from 'node:fs';
import { AutoConfig, AutoTokenizer, env } from '@huggingface/transformers';
import { expect, test } from 'vitest';
import { localHub, sharedHub } from '../test/local.js';

test.skipIf(!existsSync(sharedHub))(
  'transformers.js loads tokenizer and config from a local Hub (skipped without the shared models)',
  async () => {
    const { hub, seen } = await localHub({ seed: sharedHub });
    env.remoteHost = `${hub.url}/`;
    env.allowLocalModels = false;
    env.useFSCache = false;
    const tokenizer = await AutoTokenizer.from_pretrained('tiny-random/bert');
    const { input_ids } = await tokenizer('a charming journey', { return_tensor: false });
    expect((input_ids as number[]).length).toBeGreaterThan(4);
    expect((await AutoConfig.from_pretrained('tiny-random/bert')).model_type).toBe('bert');
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.filter(({ status }) => status >= 400)).toEqual([]);
  },
);
