import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { HubError } from './errors.js';
import { proxyFetch } from './proxy.js';

/** Where the Hub is and how it is reached; made by `hubOptions`, the only reader of the environment. */
export interface HubOptions {
  readonly endpoint: string; // no slash at the end
  readonly token: string | undefined;
  readonly cacheDir: string; // holds models--ORG--NAME, datasets--ORG--NAME
  readonly assetsDir: string; // what libraries keep beside it, a folder each
  readonly offline: boolean;
  readonly fetch: typeof fetch; // goes through the proxies of the environment
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Settles endpoint, token, cache and proxies: what is given wins over `HF_ENDPOINT`, `HF_TOKEN` (or the token file),
 * `HF_HOME`, `HF_HUB_CACHE`, `HF_ASSETS_CACHE`, `HF_HUB_OFFLINE` and the proxy variables. Throws `HubError` for values of no use.
 */
export function hubOptions(given: Partial<HubOptions> = {}, env: Environment = process.env): HubOptions {
  const home = filled(env.HF_HOME) ?? join(filled(env.XDG_CACHE_HOME) ?? join(homedir(), '.cache'), 'huggingface');
  return {
    endpoint: checkEndpoint(given.endpoint ?? filled(env.HF_ENDPOINT) ?? 'https://huggingface.co'),
    token: checkToken(
      given.token ?? filled(env.HF_TOKEN) ?? filled(env.HUGGING_FACE_HUB_TOKEN) ?? tokenFile(env, home),
    ),
    cacheDir: given.cacheDir ?? filled(env.HF_HUB_CACHE) ?? filled(env.HUGGINGFACE_HUB_CACHE) ?? join(home, 'hub'),
    assetsDir: given.assetsDir ?? filled(env.HF_ASSETS_CACHE) ?? join(home, 'assets'),
    offline: given.offline ?? /^(1|on|yes|true)$/i.test(env.HF_HUB_OFFLINE ?? ''),
    fetch: given.fetch ?? proxyFetch(env),
  };
}

const filled = (value: string | undefined): string | undefined => (value?.trim() ? value.trim() : undefined);

function checkEndpoint(endpoint: string): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search) {
    throw new HubError('input', 'HF_ENDPOINT: expected an address like https://host without user or password');
  }
  return endpoint.replace(/\/+$/, '');
}

function checkToken(token: string | undefined): string | undefined {
  if (token === undefined || /^hf_[\w.-]+$/.test(token)) return token;
  throw new HubError('input', 'HF_TOKEN: expected a token that starts with hf_; take one from the account settings');
}

function tokenFile(env: Environment, home: string): string | undefined {
  try {
    return filled(readFileSync(filled(env.HF_TOKEN_PATH) ?? join(home, 'token'), 'utf8'));
  } catch {
    return undefined; // most people have none
  }
}
