import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Authenticate } from '../auth.js';
import { LocalHubError } from '../errors.js';
import { badRequest } from './fault.js';
import { failure, type Reply, send } from './reply.js';
import type { Dispatch, Hub } from './router.js';

/** One answered request; it tells whether a token was sent, never which. */
export interface LocalHubRequest {
  readonly server: 'hub' | 'blobs';
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly withToken: boolean;
}

/** What one of the two ports answers with. */
export interface Listener {
  readonly server: LocalHubRequest['server'];
  readonly hub: Hub;
  readonly dispatch: Dispatch;
  readonly authenticate: Authenticate;
  readonly blobPort?: number;
  readonly onRequest?: ((request: LocalHubRequest) => void) | undefined;
}

/** Listens on a port, 0 for a free one. */
export async function listen(listener: Listener, host: string, port: number): Promise<Server> {
  const server = createServer((request, response) => void serve(listener, request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'is in use; choose another port' : `cannot be used (${cause.code})`;
      reject(new LocalHubError('job', `port ${port} of ${host} ${why}`, { cause }));
    });
    server.listen(port, host, resolve);
  });
  return server;
}

/** Port a server listens on. */
export const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** Stops listening and drops open connections. */
export function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function serve(listener: Listener, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const reply = await answer(listener, request).catch(failure);
  try {
    await send(request, response, reply);
  } catch {
    response.destroy(); // the client went away, or a file broke off while it was sent
  }
  listener.onRequest?.({
    server: listener.server,
    method: request.method ?? '',
    path: request.url?.replace(/signature=\w+/, 'signature=…') ?? '',
    status: reply.status,
    withToken: request.headers.authorization !== undefined,
  });
}

async function answer(listener: Listener, request: IncomingMessage): Promise<Reply> {
  const origin = `http://${request.headers.host ?? 'localhost'}`;
  const target = `${origin}${request.url ?? '/'}`;
  if (!URL.canParse(target)) throw badRequest('Address is not valid');
  const url = new URL(target);
  return listener.dispatch({
    hub: listener.hub,
    request,
    url,
    blobs: `http://${url.hostname}:${listener.blobPort ?? 0}`,
    session: listener.authenticate(request.headers.authorization),
  });
}
