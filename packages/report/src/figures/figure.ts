import { element, escapeText } from '../svg.js';

/** A finished picture: `svg` stands alone as a file and inside a page. */
export interface Figure {
  /** File name without ending, unique in a report; also the prefix of ids in the markup. */
  readonly name: string;
  readonly title: string;
  /** What the picture shows, in words, for those who do not see it. */
  readonly description: string;
  readonly svg: string;
}

interface Palette {
  readonly ground: string;
  readonly ink: string;
  readonly soft: string;
  readonly rule: string;
  readonly pale: string;
  readonly a: string;
  readonly b: string;
}

const light: Palette = {
  ground: '#fff',
  ink: '#1f2733',
  soft: '#5d6878',
  rule: '#dfe4ea',
  pale: '#eef2f7',
  a: '#2563c9',
  b: '#b4530f',
};
const dark: Palette = {
  ground: '#12161c',
  ink: '#e8edf4',
  soft: '#9ba8b8',
  rule: '#2c3541',
  pale: '#1d242e',
  a: '#79a8ff',
  b: '#f2a365',
};

/** Rules without CSS variables: viewers outside the browser know none. */
const colours = (c: Palette) =>
  `.np text{fill:${c.ink}}.np .soft{fill:${c.soft}}.np .ground{fill:${c.ground}}.np .pale{fill:${c.pale}}.np .a{fill:${c.a}}.np .b{fill:${c.b}}` +
  `.np .rule{stroke:${c.rule}}.np .edge{stroke:${c.soft}}.np .line-a,.np .faint{stroke:${c.a}}.np .line-b{stroke:${c.b}}`;

/** One palette for all figures, by the reader's colour scheme; the ground is drawn, so a page of the other scheme does
 * not make words unreadable. */
const style =
  '.np{font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}.np .head{font-weight:600;font-size:14px}' +
  '.np .small{font-size:11px}.np .rule{stroke-width:1}.np .edge{fill:none;stroke-width:1.2}' +
  '.np .line-a,.np .line-b{stroke-width:2}.np .faint{stroke-width:1;opacity:.3}' +
  `${colours(light)}@media (prefers-color-scheme:dark){${colours(dark)}}`;

/** Wraps a drawing with its name, description, style and ground. */
export function figure(about: Omit<Figure, 'svg'>, width: number, height: number, content: readonly string[]): Figure {
  const svg = element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      class: 'np',
      role: 'img',
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      'aria-labelledby': `${about.name}-title ${about.name}-desc`,
    },
    [
      element('title', { id: `${about.name}-title` }, escapeText(about.title)),
      element('desc', { id: `${about.name}-desc` }, escapeText(about.description)),
      element('style', {}, style),
      element('rect', { class: 'ground', width, height, rx: 6 }),
      ...content,
    ],
  );
  return { ...about, svg };
}
