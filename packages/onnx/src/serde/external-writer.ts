import { packedBits } from '../dtype.js';
import { bytesOf, type Tensor } from '../tensor.js';
import { externalSource } from './external-data.js';
import { writeFileAtomic } from './files.js';
import { EXTERNAL_ALIGNMENT } from './limits.js';
import { pack } from './packed.js';

/** Bytes of a tensor in pieces, as files have them: packed, and not all in memory at once when they lie in a file. */
export function fileChunks(tensor: Tensor): Iterable<Uint8Array> {
  const source = externalSource(tensor);
  if (source) return source.chunks();
  return [packedBits(tensor.dtype) ? pack(tensor) : (bytesOf(tensor) as Uint8Array)];
}

/** Collects tensors for one file beside the model. */
export class ExternalWriter {
  private readonly offsets = new Map<Tensor, number>();
  private size = 0;

  constructor(readonly location: string) {}

  /** Takes a tensor of so many bytes and says where they will lie; a tensor taken before lies where it lay. */
  put(tensor: Tensor, byteLength: number): number {
    const known = this.offsets.get(tensor);
    if (known !== undefined) return known;
    const offset = Math.ceil(this.size / EXTERNAL_ALIGNMENT) * EXTERNAL_ALIGNMENT;
    this.offsets.set(tensor, offset);
    this.size = offset + byteLength;
    return offset;
  }

  /** Writes the file, whole or not at all, tensor after tensor. */
  write(file: string): void {
    writeFileAtomic(file, this.chunks());
  }

  private *chunks(): Generator<Uint8Array> {
    let at = 0;
    for (const [tensor, offset] of this.offsets) {
      if (offset > at) yield new Uint8Array(offset - at);
      at = offset;
      for (const chunk of fileChunks(tensor)) {
        at += chunk.length;
        yield chunk;
      }
    }
  }
}
