import { listField, readObject } from '../http/body.js';
import { badRequest } from '../http/fault.js';
import { json, type Reply } from '../http/reply.js';
import type { WriteCall } from '../http/router.js';
import { safePath } from '../names.js';
import { isLfs } from '../store/attributes.js';
import type { Commit } from '../store/commit.js';
import type { Store } from '../store/store.js';
import { fileAt } from '../store/tree.js';
import { demandCommit } from './revision.js';

/** `POST {api}/preupload/{revision}`: which files go to large-file storage, and what is there already. */
export async function preupload(call: WriteCall): Promise<Reply> {
  const commit = await demandCommit(call, call.params.rest ?? '');
  const body = await readObject(call.request);
  const given = typeof body.gitAttributes === 'string' ? body.gitAttributes : undefined;
  const attributes = given ?? (await attributesOf(call.hub.store, commit));
  const files = listField(body, 'files').map((file) => {
    const { path: raw, size } = (file ?? {}) as { path?: unknown; size?: unknown };
    const path = safePath(raw);
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw badRequest(`Invalid size: ${path}`);
    const present = fileAt(commit, path);
    return {
      path,
      uploadMode: isLfs(path, size, attributes) ? 'lfs' : 'regular',
      shouldIgnore: false,
      ...(present && { oid: present.lfs ?? present.oid }),
    };
  });
  return json({ commitOid: commit.id, files });
}

async function attributesOf(store: Store, commit: Commit): Promise<string> {
  const file = fileAt(commit, '.gitattributes');
  return file && !file.lfs ? (await store.objects.read('git', file.oid)).toString('utf8') : '';
}
