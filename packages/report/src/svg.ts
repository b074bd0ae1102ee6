/** Attributes of an element; undefined ones are left out. */
export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** Text made safe for XML and HTML, in content and in double-quoted attributes; control characters are dropped. */
export function escapeText(text: string): string {
  const plain = text.replace(/[^\P{Cc}\t\n\r]|\p{Cs}|[\ufffe\uffff]/gu, ''); // XML 1.0 forbids them even as references
  return plain.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** An element; `content` is markup already, use `text` for words. */
export function element(tag: string, attributes: Attributes, content: string | readonly string[] = ''): string {
  const inside = typeof content === 'string' ? content : content.join('');
  const list = Object.entries(attributes).flatMap(([name, value]) =>
    value === undefined ? [] : [` ${name}="${typeof value === 'number' ? round(value) : escapeText(value)}"`],
  );
  return inside === '' ? `<${tag}${list.join('')}/>` : `<${tag}${list.join('')}>${inside}</${tag}>`;
}

/** A line of words at a point. */
export function text(x: number, y: number, words: string, attributes: Attributes = {}): string {
  return element('text', { x, y, ...attributes }, escapeText(words));
}

/** A path through points, broken where a value is not finite. */
export function line(points: readonly (readonly [x: number, y: number])[], attributes: Attributes): string {
  let pen = 'M';
  const steps = points.flatMap(([x, y]) => {
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      pen = 'M';
      return [];
    }
    const step = `${pen}${round(x)} ${round(y)}`;
    pen = 'L';
    return [step];
  });
  return steps.length === 0 ? '' : element('path', { d: steps.join(''), fill: 'none', ...attributes });
}

/** Coordinates need no more than a tenth of a pixel. */
function round(n: number): string {
  return `${Math.round(n * 10) / 10}`;
}

/** About `wanted` round values that span from low to high. */
export function ticks(low: number, high: number, wanted = 4): number[] {
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) return [low];
  const raw = span / wanted;
  const base = 10 ** Math.floor(Math.log10(raw));
  const step = base * ([1, 2, 2.5, 5, 10].find((f) => f * base >= raw) ?? 10);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}
