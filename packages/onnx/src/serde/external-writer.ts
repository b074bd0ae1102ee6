import { packedBits } from '../dtype.js';
import { bytesOf, type Tensor } from '../tensor.js';
import { type ExternalEntry, externalSource } from './external-data.js';
import { writeFileAtomic } from './files.js';
import { EXTERNAL_ALIGNMENT, MIN_EXTERNAL_BYTES } from './limits.js';
import { pack } from './packed.js';

const ownBytes = (tensor: Tensor): Uint8Array =>
  packedBits(tensor.dtype) ? pack(tensor) : (bytesOf(tensor) as Uint8Array);

/**
 * Bytes of a tensor as files have them, small types packed, in pieces each of which is good until the next one only; never all
 * in memory when they lie in a file.
 */
export const fileChunks = (tensor: Tensor): Iterable<Uint8Array> =>
  externalSource(tensor)?.chunks() ?? [ownBytes(tensor)];

/** Where a tensor's bytes lie in a file beside the model. */
export type StoredAt = Pick<ExternalEntry, 'location' | 'offset'>;

/** Says where tensors lie beside the model, and collects those for a file of the model's own, if it has one. */
export class ExternalWriter {
  private readonly offsets = new Map<Tensor, number>();
  private size = 0;

  constructor(
    private readonly location: string | undefined,
    private readonly stored: ReadonlyMap<Tensor, StoredAt> = new Map(),
  ) {}

  /** True for a tensor that does not go into the model's file. */
  takes(tensor: Tensor, byteLength: number): boolean {
    return this.stored.has(tensor) || (this.location !== undefined && byteLength >= MIN_EXTERNAL_BYTES);
  }

  /** Where a tensor that is taken lies. */
  place(tensor: Tensor, byteLength: number): StoredAt {
    return this.stored.get(tensor) ?? { location: this.location ?? '', offset: this.put(tensor, byteLength) };
  }

  /** Takes a tensor of so many bytes and says where they will lie; a tensor taken before lies where it lay. */
  private put(tensor: Tensor, byteLength: number): number {
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
