/** Damage done to the bytes of models, the same for the same seed. */

/** mulberry32: the same numbers every time. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Where a length-delimited field has its length, at any depth: what looks like a message is searched too. */
export function lengthFields(bytes: Uint8Array, from = 0, to = bytes.length, depth = 0): number[] {
  const found: number[] = [];
  for (let at = from; at < to && depth < 12; ) {
    const tag = bytes[at++] as number;
    const wire = tag & 7;
    if (tag >= 0x80 && (bytes[at] as number) < 0x80) at++;
    if (wire === 0) while ((bytes[at++] as number) >= 0x80 && at < to);
    else if (wire === 5) at += 4;
    else if (wire === 1) at += 8;
    else if (wire !== 2) return found;
    else {
      const start = at;
      let length = 0;
      for (let shift = 0; at < to; shift += 7) {
        const byte = bytes[at++] as number;
        length += (byte & 0x7f) * 2 ** shift;
        if (byte < 0x80) break;
      }
      if (at + length > to) return found;
      // Of long fields only the start is looked into: they are weights.
      found.push(start, ...lengthFields(bytes, at, Math.min(at + length, at + 4096), depth + 1));
      at += length;
    }
  }
  return found;
}

/** What may happen to a file. */
export const mutations: Readonly<
  Record<string, (bytes: Uint8Array, next: () => number, lengths: readonly number[]) => Uint8Array>
> = {
  flip: (bytes, next) => {
    const out = Uint8Array.from(bytes);
    for (let n = 1 + Math.floor(next() * 4); n > 0; n--) {
      const at = Math.floor(next() * out.length);
      out[at] = (out[at] as number) ^ (1 << Math.floor(next() * 8));
    }
    return out;
  },
  byte: (bytes, next) => {
    const out = Uint8Array.from(bytes);
    out[Math.floor(next() * out.length)] = [0, 1, 0x7f, 0x80, 0xff][Math.floor(next() * 5)] as number;
    return out;
  },
  truncate: (bytes, next) => bytes.slice(0, Math.floor(next() * bytes.length)),
  remove: (bytes, next) => {
    const at = Math.floor(next() * bytes.length);
    return new Uint8Array(Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + Math.floor(next() * 16))]));
  },
  splice: (bytes, next) => {
    const [from, to] = [Math.floor(next() * bytes.length), Math.floor(next() * bytes.length)];
    const piece = bytes.subarray(from, from + Math.floor(next() * 64));
    return new Uint8Array(Buffer.concat([bytes.subarray(0, to), piece, bytes.subarray(to)]));
  },
  length: (bytes, next, lengths) => {
    const out = Uint8Array.from(bytes);
    const at = lengths[Math.floor(next() * lengths.length)] ?? 0;
    const edit = [0, 0x7f, 0xff, (out[at] as number) + 1, (out[at] as number) - 1][Math.floor(next() * 5)] as number;
    out[at] = edit;
    return out;
  },
  huge: (bytes, next, lengths) => {
    const at = lengths[Math.floor(next() * lengths.length)] ?? 0;
    const length = Uint8Array.of(0xff, 0xff, 0xff, 0xff, next() < 0.5 ? 0x07 : 0x0f);
    return new Uint8Array(Buffer.concat([bytes.subarray(0, at), length, bytes.subarray(at + 1)]));
  },
};
