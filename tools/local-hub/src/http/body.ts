import type { IncomingMessage } from 'node:http';
import { badRequest, Fault } from './fault.js';

const MB = 1024 * 1024;

/** Reads a whole body as text, at most `limit` bytes (413 above it). */
export async function readText(request: IncomingMessage, limit = 16 * MB): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw new Fault(413, `Body larger than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** A JSON object from text, or 400. */
export function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw badRequest('Body is not valid JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badRequest('Body is not an object');
  return value as Record<string, unknown>;
}

/** Reads a JSON object; an empty body counts as `{}`. */
export async function readObject(request: IncomingMessage): Promise<Record<string, unknown>> {
  const text = await readText(request);
  return text.trim() === '' ? {} : parseObject(text);
}

/** Reads JSON or a form (`paths=a&paths=b&expand=true`), whose repeated keys become lists. */
export async function readFields(request: IncomingMessage): Promise<Record<string, unknown>> {
  if (!request.headers['content-type']?.startsWith('application/x-www-form-urlencoded')) return readObject(request);
  const form = new URLSearchParams(await readText(request));
  return Object.fromEntries([...new Set(form.keys())].map((key) => [key, form.getAll(key)]));
}

/** A text field, or 400 with its name. */
export function textField(body: Record<string, unknown>, name: string): string {
  const value = body[name];
  if (typeof value !== 'string') throw badRequest(`"${name}" must be a string`);
  return value;
}

/** A list field, or 400 with its name. */
export function listField(body: Record<string, unknown>, name: string): readonly unknown[] {
  const value = body[name];
  if (!Array.isArray(value)) throw badRequest(`"${name}" must be a list`);
  return value;
}
