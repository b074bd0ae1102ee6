import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type LocalHub, type LocalHubOptions, type LocalHubRequest, startLocalHub } from '@neuroprune/local-hub';
import { onTestFinished } from 'vitest';
import { type HubOptions, hubOptions } from '../src/hub-options.js';

export const TOKEN = 'hf_write';
export const READ_TOKEN = 'hf_read';

/** Real models and data sets laid out as on the Hub; not part of the repository. */
export const sharedHub = resolve(import.meta.dirname, '../../../../shared/hub');

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'np-hub-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A local Hub and options that reach it with an empty cache; both end with the test. */
export async function localHub(
  options: Partial<LocalHubOptions> = {},
): Promise<{ hub: LocalHub; seen: LocalHubRequest[]; options: HubOptions }> {
  const seen: LocalHubRequest[] = [];
  const hub = await startLocalHub({
    root: await temporaryFolder(),
    token: TOKEN,
    users: [{ name: 'reader', orgs: ['local'], tokens: [{ value: READ_TOKEN, role: 'read' }] }],
    onRequest: (request) => seen.push(request),
    ...options,
  });
  onTestFinished(() => hub.close());
  return { hub, seen, options: clientOf(hub.url, await temporaryFolder()) };
}

export const clientOf = (endpoint: string, cacheDir: string, given: Partial<HubOptions> = {}): HubOptions =>
  hubOptions({ endpoint, cacheDir, token: TOKEN, ...given }, {});

/** `fetch` that replaces the answers to addresses that fit. */
export function tampered(pattern: RegExp, answer: (response: Response) => Promise<Response> | Response): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    return pattern.test(String(input)) ? answer(response) : response;
  };
}
