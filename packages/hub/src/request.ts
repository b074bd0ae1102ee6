import { HubError } from './errors.js';
import type { HubOptions } from './hub-options.js';

/** What a request is about, for its errors. */
export interface Subject {
  readonly title: string; // 'model org/name'
  readonly options: HubOptions;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The one function through which each request goes, ours and those of the client library.
 * Its answers are always good ones: no connection, a refusal and a forced-offline run throw `HubError`.
 */
export function requester(subject: Subject): typeof fetch {
  const { options } = subject;
  return async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    if (options.offline)
      throw new HubError('job', `${subject.title}: needs ${options.endpoint}, but HF_HUB_OFFLINE is set`);
    const response = await send(subject, url, init);
    if (response.ok) return response;
    throw await refusal(response, subject);
  };
}

async function send(subject: Subject, url: string, init: RequestInit | undefined): Promise<Response> {
  const { options } = subject;
  const signal = [subject.signal, init?.signal].filter((one) => one != null);
  const headers = new Headers(init?.headers);
  headers.set('User-Agent', 'neuroprune');
  // The token belongs to the Hub; storage addresses carry their own signature.
  if (new URL(url).origin !== new URL(options.endpoint).origin) headers.delete('Authorization');
  try {
    return await options.fetch(url, { ...init, headers, signal: AbortSignal.any(signal) });
  } catch (cause) {
    subject.signal?.throwIfAborted();
    throw unreachable(subject, cause);
  }
}

/** The error for an endpoint that gives no answer. */
export function unreachable(subject: Subject, cause: unknown): HubError {
  const { title, options } = subject;
  return new HubError(
    'job',
    `${title}: ${options.endpoint} cannot be reached (${reason(cause)}); ` +
      'check the network, HF_ENDPOINT and proxies, or set HF_HUB_OFFLINE=1 to use what is cached',
    { cause },
  );
}

/** The innermost word on a failed connection, such as ECONNREFUSED. */
function reason(error: unknown): string {
  const { cause, code, message } = error as { cause?: unknown; code?: unknown; message?: unknown };
  if (cause instanceof Error) return reason(cause);
  return clean(String(code ?? message ?? error));
}

/** Text from outside, safe for one line of a message. */
const clean = (text: string): string => text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 300);

async function refusal(response: Response, subject: Subject): Promise<HubError> {
  const body = await response.text().catch(() => '');
  const said = clean(response.headers.get('X-Error-Message') ?? errorField(body) ?? '');
  const request = response.headers.get('X-Request-Id');
  const facts: Refusal = {
    status: response.status,
    code: response.headers.get('X-Error-Code') ?? '',
    said: subject.options.token === undefined ? said : said.replaceAll(subject.options.token, 'hf_…'),
    where: `${response.status} from ${subject.options.endpoint}${request ? `, request ${clean(request)}` : ''}`,
  };
  const { kind, text } = explain(facts, subject);
  return new HubError(kind, `${subject.title}: ${text}`, { status: response.status });
}

interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly said: string;
  readonly where: string;
}

function explain(refused: Refusal, { options }: Subject): { kind: HubError['kind']; text: string } {
  const { status, code, said, where } = refused;
  if (code === 'GatedRepo')
    return { kind: 'job', text: `access has to be granted first (${where}); ask for it on its page` };
  if (status === 401 && options.token === undefined) {
    return { kind: 'input', text: `not found, or private (${where}); check the name, or set HF_TOKEN` };
  }
  if (status === 401) return { kind: 'job', text: `the token is not accepted (${where}); set HF_TOKEN to a valid one` };
  if (status === 403)
    return { kind: 'job', text: `${said || 'no access'} (${where}); use a token with write access to it` };
  if (code === 'RevisionNotFound') return { kind: 'input', text: `no such revision: ${said} (${where})` };
  if (status === 404)
    return { kind: 'input', text: `not found: ${said || 'no such repository'} (${where}); check the name` };
  if (status === 412) return { kind: 'job', text: `the branch has moved on: ${said} (${where}); publish again` };
  if (status === 429 || status >= 500)
    return { kind: 'job', text: `${said || 'no answer'} (${where}); try again later` };
  return { kind: 'job', text: `refused: ${said} (${where})` };
}

function errorField(body: string): string | undefined {
  try {
    const { error } = JSON.parse(body) as { error?: unknown };
    return typeof error === 'string' ? error : undefined;
  } catch {
    return undefined;
  }
}
