import { createHash } from 'node:crypto';
import { demandSession } from '../auth.js';
import { readObject, textField } from '../http/body.js';
import { json, type Reply } from '../http/reply.js';
import type { Call } from '../http/router.js';

/** `GET /api/whoami-v2`: the token's user. */
export function whoAmI({ session, url }: Call): Reply {
  const { name, orgs, role } = demandSession(session);
  const id = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 24);
  return json({
    type: 'user',
    id: id(name),
    name,
    fullname: name,
    email: `${name}@localhost`,
    emailVerified: true,
    isPro: false,
    canPay: false,
    periodEnd: null,
    avatarUrl: `${url.origin}/avatars/${name}.svg`,
    orgs: orgs.map((org) => ({ type: 'org', id: id(org), name: org, fullname: org })),
    auth: {
      type: 'access_token',
      accessToken: { displayName: 'local', role, createdAt: new Date(0).toISOString() },
    },
  });
}

/** `POST /api/validate-yaml`: looks at the front matter of a card; 400 when it cannot be read. */
export async function validateYaml({ request }: Call): Promise<Reply> {
  const message = frontMatterError(textField(await readObject(request), 'content'));
  return json({ errors: message ? [{ message }] : [], warnings: [] }, message ? 400 : 200);
}

/** What is wrong with a card's front matter, as far as lines show it (this is no YAML parser). */
export function frontMatterError(content: string): string | undefined {
  const lines = content.split(/\r?\n/);
  if (lines[0] !== '---') return undefined;
  const end = lines.indexOf('---', 1);
  if (end === -1) return 'Front matter is not closed by a line ---';
  const isFine = (line: string): boolean => /^(?:\s*$|#| |- |-$|[^\s:#][^:]*:(?:\s|$)|["'].*:)/.test(line);
  const wrong = lines.slice(1, end).findIndex((line) => line.startsWith('\t') || !isFine(line));
  return wrong === -1 ? undefined : `Line ${wrong + 2} of the front matter is not YAML`;
}
