import { listField, readObject } from '../http/body.js';
import { badRequest, Fault } from '../http/fault.js';
import { json, type Reply } from '../http/reply.js';
import type { WriteCall } from '../http/router.js';
import { webPath } from '../store/repo.js';

interface Announced {
  readonly oid: string; // sha256
  readonly size: number;
}

/** `POST {repo}.git/info/lfs/objects/batch`: where to send the bytes of each object, nothing for those stored already. */
export async function batch(call: WriteCall): Promise<Reply> {
  const body = await readObject(call.request);
  if (body.operation !== 'upload') throw badRequest('Only the operation "upload" is known');
  const objects = listField(body, 'objects').map(announced);
  const headers = { 'Content-Type': 'application/vnd.git-lfs+json' };
  const answers = await Promise.all(objects.map((object) => answer(call, object)));
  return json({ transfer: 'basic', objects: answers }, 200, headers);
}

/** `POST {repo}.git/info/lfs/objects/verify`: 404 unless the object is stored with that size. */
export async function verify(call: WriteCall): Promise<Reply> {
  const { oid, size } = announced(await readObject(call.request));
  if ((await call.hub.store.objects.size('lfs', oid)) !== size) throw new Fault(404, 'Object is not stored');
  return json({ oid, size });
}

function announced(value: unknown): Announced {
  const { oid, size } = (value ?? {}) as Partial<Announced>;
  const isSize = Number.isSafeInteger(size) && Number(size) >= 0;
  if (typeof oid !== 'string' || !/^[0-9a-f]{64}$/.test(oid) || !isSize) throw badRequest('Invalid LFS object');
  return { oid, size: Number(size) };
}

async function answer(call: WriteCall, object: Announced): Promise<unknown> {
  const { hub, blobs, url, repo } = call;
  const { oid, size } = object;
  if ((await hub.store.objects.size('lfs', oid)) === size) return { oid, size };
  const sign = (method: string, path: string): string =>
    `${blobs}${hub.signer.sign(method, path, { size: String(size) })}`;
  const verifyHref = `${url.origin}${webPath(repo)}.git/info/lfs/objects/verify`;
  const upload =
    size <= hub.partBytes
      ? { href: sign('PUT', `/objects/${oid}`) }
      : { href: sign('POST', `/complete/${oid}`), header: partAddresses(size, hub.partBytes, oid, sign) };
  return { oid, size, authenticated: true, actions: { upload, verify: { href: verifyHref } } };
}

/** `{chunk_size, "00001": address, …}`; clients insist on ceil(size / chunk_size) parts. */
function partAddresses(
  size: number,
  partBytes: number,
  oid: string,
  sign: (method: string, path: string) => string,
): Record<string, string> {
  const names = Array.from({ length: Math.ceil(size / partBytes) }, (_, i) => String(i + 1).padStart(5, '0'));
  const parts = names.map((name) => [name, sign('PUT', `/parts/${oid}/${name}`)]);
  return { chunk_size: String(partBytes), ...Object.fromEntries(parts) };
}
