import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { Fault } from './fault.js';
import type { ByteRange } from './range.js';

/** What a handler answers; the bytes of `file` are streamed from disk. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly file?: { readonly path: string; readonly range: ByteRange };
}

/** A JSON answer. */
export function json(body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Reply {
  return {
    status,
    headers: { 'Content-Type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify(body),
  };
}

/** The answer to whatever a handler threw: a `Fault` as it says, anything else a 500 without details. */
export function failure(error: unknown): Reply {
  const fault = error instanceof Fault ? error : new Fault(500, 'Internal error of the local Hub');
  const code = fault.code ? { 'X-Error-Code': fault.code } : {};
  const headers = { ...code, ...fault.headers, 'X-Error-Message': fault.message };
  return json({ error: fault.message, ...fault.body }, fault.status, headers);
}

/** Header values are ASCII without control characters, or Node refuses to send them. */
export function headerText(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 1000);
}

/** Sends a reply; a HEAD request gets the headers alone. */
export async function send(request: IncomingMessage, response: ServerResponse, reply: Reply): Promise<void> {
  const length = reply.file
    ? reply.file.range.end - reply.file.range.start
    : reply.body === undefined
      ? 0
      : Buffer.byteLength(reply.body);
  response.setHeader('X-Request-Id', `Root=${randomUUID()}`);
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, headerText(value));
  response.setHeader('Content-Length', length);
  response.writeHead(reply.status);
  request.resume(); // an unread body would keep the connection from being used again
  if (request.method === 'HEAD' || length === 0) response.end();
  else if (reply.file) {
    const { path, range } = reply.file;
    await pipeline(createReadStream(path, { start: range.start, end: range.end - 1 }), response);
  } else response.end(reply.body);
}
