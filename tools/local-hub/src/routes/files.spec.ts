import { expect, test } from 'vitest';
import { type Client, ndjson, sha256, startWithModel } from '../../test/hub.js';

const bytes = Uint8Array.from({ length: 2500 }, (_, i) => i % 251);
const oid = sha256(bytes);
const batchPath = '/local/m.git/info/lfs/objects/batch';

interface Action {
  href: string;
  header?: Record<string, string>;
}

async function batch({ ask }: Client, size = bytes.length): Promise<Action | undefined> {
  const body = {
    operation: 'upload',
    transfers: ['basic', 'multipart', 'xet'],
    hash_algo: 'sha_256',
    objects: [{ oid, size }],
  };
  const answer = (await (await ask('POST', batchPath, body)).json()) as {
    transfer: string;
    objects: { actions?: { upload: Action } }[];
  };
  expect(answer.transfer).toBe('basic');
  return answer.objects[0]?.actions?.upload;
}

async function uploaded(): Promise<Client> {
  const client = await startWithModel();
  const action = await batch(client);
  expect((await client.ask('PUT', action?.href ?? '', bytes, { token: null })).status).toBe(200);
  const line = { key: 'lfsFile', value: { path: 'w.bin', algo: 'sha256', oid, size: bytes.length } };
  expect((await client.ask('POST', '/api/models/local/m/commit/main', ndjson({ summary: 's' }, line))).status).toBe(
    200,
  );
  await client.commit({ 'config.json': '0123456789', empty: '' });
  return client;
}

test('a large file is a redirect to another origin, a pointer in raw, and stored once', async () => {
  const client = await uploaded();
  const redirect = await client.ask('HEAD', '/local/m/resolve/main/w.bin');
  expect(redirect.status).toBe(302);
  expect(redirect.headers.get('X-Linked-Etag')).toBe(`"${oid}"`);
  expect(redirect.headers.get('X-Linked-Size')).toBe('2500');
  expect(redirect.headers.get('X-Repo-Commit')).toMatch(/^[0-9a-f]{40}$/);
  const location = redirect.headers.get('Location') ?? '';
  expect(new URL(location).origin).not.toBe(client.url);
  const part = await client.ask('GET', location, undefined, { token: null, headers: { Range: 'bytes=10-19' } });
  expect(part.headers.get('Content-Range')).toBe('bytes 10-19/2500');
  expect(new Uint8Array(await part.arrayBuffer())).toEqual(bytes.slice(10, 20));
  for (const made of [
    location.replace(oid, sha256(new Uint8Array(1))),
    location.replace(/expires=\d/, 'expires=9'),
    location.replace(/&signature.*/, ''),
  ]) {
    expect((await client.ask('GET', made)).status).toBe(403);
  }
  expect((await client.ask('PUT', location, bytes)).status).toBe(405);
  expect(await (await client.ask('GET', '/local/m/raw/main/w.bin')).text()).toBe(
    `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize 2500\n`,
  );
  expect(await batch(client)).toBeUndefined();
});

test.each([
  ['config.json', undefined, 200, null, '0123456789'],
  ['config.json', 'bytes=0-0', 206, 'bytes 0-0/10', '0'],
  ['config.json', 'bytes=7-', 206, 'bytes 7-9/10', '789'],
  ['config.json', 'bytes=-3', 206, 'bytes 7-9/10', '789'],
  ['config.json', 'bytes=8-99', 206, 'bytes 8-9/10', '89'],
  ['config.json', 'bytes=10-', 416, 'bytes */10', undefined],
  ['config.json', 'bytes=0-1,3-4', 200, null, '0123456789'],
  ['config.json', 'bytes=-', 200, null, '0123456789'],
  ['empty', undefined, 200, null, ''],
  ['empty', 'bytes=0-0', 416, 'bytes */0', undefined],
])('%s with Range %s', async (path, range, status, contentRange, body) => {
  const { ask } = await uploaded();
  const response = await ask('GET', `/local/m/resolve/main/${path}`, undefined, {
    headers: range ? { Range: range } : {},
  });
  expect(response.status).toBe(status);
  expect(response.headers.get('Content-Range')).toBe(contentRange);
  if (body !== undefined) expect(await response.text()).toBe(body);
  if (status < 300) expect(response.headers.get('ETag')).toMatch(/^"[0-9a-f]{40}"$/);
});

test.each([
  ['/local/m/resolve/main/none', 404, 'EntryNotFound'],
  ['/local/m/resolve/none/config.json', 404, 'RevisionNotFound'],
  ['/local/m/resolve/main/a%00b', 404, 'EntryNotFound'],
  ['/local/m/resolve/main/%E0%A4%A', 400, null],
  ['/local/m/resolve/main/..%2f..%2frepo.json', 404, 'EntryNotFound'],
  ['/api/models/local/m/tree/main/additional_chat_templates?recursive=false&expand=false', 404, 'EntryNotFound'],
  ['/api/models/local/m/tree/main?limit=x', 400, null],
  ['/api/models/local/m/what/is/this', 404, null],
])('GET %s', async (path, status, code) => {
  const { ask } = await uploaded();
  const response = await ask('GET', path);
  expect(response.status).toBe(status);
  expect(response.headers.get('X-Error-Code')).toBe(code);
  if (code === 'EntryNotFound') expect(response.headers.get('X-Repo-Commit')).toMatch(/^[0-9a-f]{40}$/);
});

test.each([
  ['other bytes', () => bytes.map((byte) => byte + 1)],
  ['a byte too few', () => bytes.slice(1)],
  ['a byte too many', () => Uint8Array.from([...bytes, 0])],
])('an upload with %s is refused and not stored', async (_, wrong) => {
  const client = await startWithModel();
  const action = await batch(client);
  expect((await client.ask('PUT', action?.href ?? '', wrong(), { token: null })).status).toBe(400);
  expect(await batch(client)).toBeDefined();
  expect((await client.ask('POST', batchPath.replace('batch', 'verify'), { oid, size: bytes.length })).status).toBe(
    404,
  );
});

test('above the limit an upload goes in parts, checked as a whole', async () => {
  const client = await startWithModel({ multipartMb: 0.001 });
  const action = await batch(client);
  const { chunk_size: chunk, ...parts } = action?.header ?? {};
  expect([chunk, ...Object.keys(parts)]).toEqual(['1000', '00001', '00002', '00003']);
  const put = async (data: Uint8Array): Promise<string[]> =>
    Promise.all(
      Object.values(parts).map(async (href, i) => {
        const response = await client.ask('PUT', href, data.slice(i * 1000, (i + 1) * 1000), { token: null });
        return response.headers.get('ETag') ?? String(response.status);
      }),
    );
  const complete = async (etags: readonly string[]): Promise<number> => {
    const body = { oid, parts: etags.map((etag, i) => ({ partNumber: i + 1, etag })) };
    return (await client.ask('POST', action?.href ?? '', body, { token: null })).status;
  };
  expect(await put(bytes.slice(0, 2400))).toContain('400'); // the last part is short
  expect(await complete(await put(bytes.map((byte) => byte ^ 1)))).toBe(400);
  const etags = await put(bytes);
  expect(await complete(etags.slice(1))).toBe(400);
  expect(await complete(['"wrong"', ...etags.slice(1)])).toBe(400);
  expect(await complete(await put(bytes))).toBe(200);
  expect(await batch(client)).toBeUndefined();
});

test('preupload says what goes where and what is there', async () => {
  const { ask } = await uploaded();
  const files = [
    { path: 'new/model.onnx', size: 5 },
    { path: 'empty.bin', size: 0 },
    { path: 'big.json', size: 20_000_000 },
    { path: 'config.json', size: 10 },
    { path: 'w.bin', size: 2500 },
  ];
  const answer = (await (await ask('POST', '/api/models/local/m/preupload/main', { files })).json()) as {
    files: { uploadMode: string; shouldIgnore: boolean; oid?: string }[];
  };
  expect(answer.files.map(({ uploadMode }) => uploadMode)).toEqual(['lfs', 'regular', 'lfs', 'regular', 'lfs']);
  expect(answer.files.map(({ oid: present }) => present?.length)).toEqual([undefined, undefined, undefined, 40, 64]);
});
