import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { OnnxError } from '../errors.js';
import { checkFunctions } from '../functions.js';
import type { Model } from '../model.js';
import { ExternalReader } from './external-data.js';
import { MAX_MESSAGE_BYTES } from './limits.js';
import { Message } from './message-reader.js';
import { decodeModel } from './read-model.js';

async function load(file: string): Promise<Uint8Array> {
  try {
    const info = await stat(file);
    // A device or a pipe may never end.
    if (!info.isFile()) throw new Error('something else');
    if (info.size > MAX_MESSAGE_BYTES) throw new Error(`${info.size} bytes, more than ${MAX_MESSAGE_BYTES}`);
    return await readFile(file);
  } catch (cause) {
    const got = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'none' : (cause as Error).message;
    throw new OnnxError(`model '${file}': expected a readable file, got ${got}`, 'input', { cause });
  }
}

function decode(bytes: Uint8Array, external: ExternalReader): Model {
  const model = decodeModel(new Message(bytes), external);
  checkFunctions(model);
  return model;
}

/** How to read a model. */
export interface ReadOptions {
  /** Path of the file with the weights; needed only when the model is given as bytes. */
  readonly externalData?: string;
}

/**
 * Reads a model from a file or from bytes. External tensors of 64 KiB and more stay in their file, which stays open until
 * the model is gone; each access to their `data` reads them. Throws OnnxError (`input`) when the file is damaged or
 * contradicts itself.
 */
export async function readModel(source: string | Uint8Array, options: ReadOptions = {}): Promise<Model> {
  const bytes = typeof source === 'string' ? await load(source) : source;
  const beside = options.externalData ?? (typeof source === 'string' ? source : undefined);
  const external = new ExternalReader(beside === undefined ? undefined : path.dirname(path.resolve(beside)));
  let isRead = false;
  try {
    const model = decode(bytes, external);
    isRead = true;
    return model;
  } catch (cause) {
    if (cause instanceof OnnxError) throw cause;
    const name = typeof source === 'string' ? `model '${source}'` : 'model';
    throw new OnnxError(`${name}: expected an ONNX file, got damaged bytes (${(cause as Error).message})`, 'input', {
      cause,
    });
  } finally {
    external.finish(isRead);
  }
}
