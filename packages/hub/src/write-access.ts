import { whoAmI } from '@huggingface/hub';
import { HubError } from './errors.js';
import { type HubOptions, hubOptions } from './hub-options.js';
import { repoId, titleOf } from './repo.js';
import { requester } from './request.js';

/** Who is asking, and how. */
export interface AccessRequest {
  readonly signal?: AbortSignal;
  readonly options?: HubOptions;
}

/**
 * Checks before long work that its result can be published under a name; nothing is made.
 * Throws `HubError`: `input` without a token, `job` for a token that is refused, reads only, or has no part in the namespace.
 */
export async function checkWriteAccess(name: string, request: AccessRequest = {}): Promise<void> {
  const options = request.options ?? hubOptions();
  const repo = repoId('model', name);
  const namespace = name.includes('/') ? name.slice(0, name.indexOf('/')) : undefined;
  if (namespace === undefined) throw new HubError('input', `${titleOf(repo)}: expected ORG/NAME to publish to`);
  if (options.token === undefined) {
    throw new HubError('input', `${titleOf(repo)}: publishing needs a token; set HF_TOKEN to one with write access`);
  }
  const ask = requester({ title: titleOf(repo), options, signal: request.signal });
  const user = await whoAmI({ hubUrl: options.endpoint, accessToken: options.token, fetch: ask });
  const refused = (what: string): HubError =>
    new HubError('job', `${titleOf(repo)}: ${what} (${options.endpoint}); use a token with write access to it`);
  if (user.auth.accessToken?.role === 'read') throw refused(`the token of ${user.name} can read but not write`);
  const spaces = [user.name, ...('orgs' in user ? user.orgs.map((org) => org.name) : [])];
  if (!spaces.some((space) => space.toLowerCase() === namespace.toLowerCase())) {
    throw refused(`${user.name} has no write access to ${namespace}`);
  }
}
