import { createHash } from 'node:crypto';
import { listField, readObject, textField } from '../http/body.js';
import { badRequest, Fault } from '../http/fault.js';
import { json, type Reply } from '../http/reply.js';
import type { Call } from '../http/router.js';
import { joinParts, savePart } from '../store/parts.js';
import { fileReply } from './files.js';

/** `GET /blobs/{oid}` on the second port: the bytes of a large file. */
export async function download({ hub, request, url, params }: Call): Promise<Reply> {
  hub.signer.check('GET', url);
  const { oid = '' } = params;
  const size = await hub.store.objects.size('lfs', oid);
  if (size === undefined) throw new Fault(404, 'Object is not stored');
  return fileReply(hub.store.objects.path('lfs', oid), size, request.headers.range, {
    ETag: `"${oid}"`,
    'Content-Type': 'application/octet-stream',
    'Content-Disposition': url.searchParams.get('disposition') ?? 'inline',
  });
}

/** `PUT /objects/{oid}`: a whole object; refused, and not stored, when its length or hash is another. */
export async function putObject({ hub, request, url, params }: Call): Promise<Reply> {
  hub.signer.check('PUT', url);
  const oid = await hub.store.objects.add('lfs', request, announced(url, params));
  if (oid === undefined) throw badRequest('Bytes differ from the announced sha256 or size');
  return { status: 200, headers: { ETag: `"${oid}"` } };
}

/** `PUT /parts/{oid}/{part}`: one part of an object. */
export async function putPart({ hub, request, url, params }: Call): Promise<Reply> {
  hub.signer.check('PUT', url);
  const { oid, size } = announced(url, params);
  const number = Number(params.part);
  const expected = Math.min(hub.partBytes, size - (number - 1) * hub.partBytes);
  const etag = await savePart(hub.store.objects, oid, number, request, expected);
  if (etag === undefined) throw badRequest('Part has another length than announced');
  return { status: 200, headers: { ETag: `"${etag}"` } };
}

/** `POST /complete/{oid}`: joins the parts, in order, if their tags are those this server gave. */
export async function complete({ hub, request, url, params }: Call): Promise<Reply> {
  hub.signer.check('POST', url);
  const { oid, size } = announced(url, params);
  const body = await readObject(request);
  if (textField(body, 'oid') !== oid) throw badRequest('"oid" is not that of the address');
  const tags = listField(body, 'parts').map((part, index) => {
    const { partNumber, etag } = (part ?? {}) as { partNumber?: unknown; etag?: unknown };
    if (partNumber !== index + 1 || typeof etag !== 'string') throw badRequest('Parts must be numbered from 1');
    return etag.replaceAll('"', '');
  });
  if (tags.length !== Math.ceil(size / hub.partBytes)) throw badRequest('Parts are missing');
  if (!(await joinParts(hub.store.objects, oid, size, tags)))
    throw badRequest('Parts differ from the announced object');
  return json({ oid, etag: createHash('md5').update(tags.join()).digest('hex') });
}

function announced(url: URL, params: Call['params']): { oid: string; size: number } {
  return { oid: params.oid ?? '', size: Number(url.searchParams.get('size')) };
}
