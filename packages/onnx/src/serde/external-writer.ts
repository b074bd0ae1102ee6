import { packedBits } from '../dtype.js';
import { bytesOf, type Tensor } from '../tensor.js';
import { externalSource } from './external-data.js';
import { writeFileAtomic } from './files.js';
import { EXTERNAL_ALIGNMENT } from './limits.js';
import { pack } from './packed.js';

const ownBytes = (tensor: Tensor): Uint8Array =>
  packedBits(tensor.dtype) ? pack(tensor) : (bytesOf(tensor) as Uint8Array);

/** Bytes of a tensor as files have them: small types packed. */
export const fileBytes = (tensor: Tensor): Uint8Array => externalSource(tensor)?.read() ?? ownBytes(tensor);

/** The same bytes in pieces, each good until the next one only; never all in memory when they lie in a file. */
const fileChunks = (tensor: Tensor): Iterable<Uint8Array> => externalSource(tensor)?.chunks() ?? [ownBytes(tensor)];

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
