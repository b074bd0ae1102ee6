import { authenticator, type LocalHubUser } from './auth.js';
import { LocalHubError } from './errors.js';
import { close, type LocalHubRequest, listen, portOf } from './http/listener.js';
import { type Hub, router } from './http/router.js';
import { createSigner } from './http/signer.js';
import { blobRoutes, hubRoutes } from './routes/table.js';
import { importSeed } from './seed.js';
import { Store } from './store/store.js';

/** How a local Hub is started. */
export interface LocalHubOptions {
  /** Folder that keeps everything; made where it is missing. */
  readonly root: string;
  /** Port of the Hub, a free one by default; bytes of large files come from a second, free one. */
  readonly port?: number;
  /** Address to listen on, loopback by default. */
  readonly host?: string;
  /** A write token of the user `local`. */
  readonly token?: string;
  /** Further users; without any token nobody can write. */
  readonly users?: readonly LocalHubUser[];
  /** Folder with `models/ORG/NAME` and `datasets/ORG/NAME` to import once. */
  readonly seed?: string;
  /** Megabytes (10^6) above which an upload is split into parts of that size; 5000 by default, as on the Hub. */
  readonly multipartMb?: number;
  /** Told of each request when it has been answered. */
  readonly onRequest?: (request: LocalHubRequest) => void;
}

/** A running local Hub. */
export interface LocalHub {
  /** Its address, for `HF_ENDPOINT`. */
  readonly url: string;
  /** Ends it; what was written stays in `root`. */
  close(): Promise<void>;
}

/** Starts a Hub on loopback. Throws `LocalHubError` for wrong options, an unreadable seed or a port in use. */
export async function startLocalHub(options: LocalHubOptions): Promise<LocalHub> {
  const { host = '127.0.0.1', port = 0, onRequest } = options;
  const authenticate = authenticator(usersOf(options));
  const hub = await openHub(options);
  const blobs = await listen(
    { server: 'blobs', hub, dispatch: router(blobRoutes), authenticate: () => undefined, onRequest },
    host,
    0,
  );
  try {
    const blobPort = portOf(blobs);
    const main = await listen(
      { server: 'hub', hub, dispatch: router(hubRoutes), authenticate, blobPort, onRequest },
      host,
      port,
    );
    const end = async (): Promise<void> => void (await Promise.all([close(main), close(blobs)]));
    return { url: `http://${urlHost(host)}:${portOf(main)}`, close: end };
  } catch (error) {
    await close(blobs);
    throw error;
  }
}

function usersOf({ token, users = [] }: LocalHubOptions): readonly LocalHubUser[] {
  return token === undefined ? users : [{ name: 'local', tokens: [{ value: token, role: 'write' }] }, ...users];
}

async function openHub({ root, seed, multipartMb = 5000 }: LocalHubOptions): Promise<Hub> {
  if (!(multipartMb > 0)) throw new LocalHubError('input', `multipartMb: expected more than 0, got ${multipartMb}`);
  const store = await Store.open(root);
  if (seed !== undefined) await importSeed(store, seed);
  return { store, signer: createSigner(), partBytes: Math.ceil(multipartMb * 1_000_000) };
}

/** A host as it stands in an address; the wildcards are reached over loopback. */
function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
