import { EnvHttpProxyAgent, fetch as undiciFetch } from 'undici';

const LOOPBACK = 'localhost,127.0.0.1,[::1]';

/** `fetch` through the proxies of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`; loopback is never behind one. */
export function proxyFetch(env: Readonly<Record<string, string | undefined>>): typeof fetch {
  const httpProxy = env.http_proxy ?? env.HTTP_PROXY;
  const httpsProxy = env.https_proxy ?? env.HTTPS_PROXY ?? httpProxy;
  if (!httpProxy && !httpsProxy) return fetch;
  const dispatcher = new EnvHttpProxyAgent({
    httpProxy: httpProxy ?? '',
    httpsProxy: httpsProxy ?? '',
    noProxy: [env.no_proxy ?? env.NO_PROXY, LOOPBACK].filter(Boolean).join(','),
  });
  // The package's own fetch: that of Node brings another version of undici, which refuses this dispatcher.
  const send = undiciFetch as unknown as (input: unknown, init: unknown) => Promise<Response>;
  return (input, init) => send(input, { ...init, dispatcher });
}
