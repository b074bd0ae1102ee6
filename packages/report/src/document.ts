import type { Figure } from './figures/figure.js';
import { escapeText } from './svg.js';

/** A piece of a line: plain words, words in code, or a link. */
export type Inline = string | { readonly code: string } | { readonly link: string; readonly to: string };

/** A part of a report; one list of blocks gives the Markdown and the HTML. */
export type Block =
  | { readonly kind: 'heading'; readonly level: 1 | 2 | 3; readonly words: readonly Inline[] }
  | { readonly kind: 'paragraph'; readonly words: readonly Inline[] }
  | {
      readonly kind: 'table';
      readonly head: readonly string[];
      readonly rows: readonly (readonly Inline[])[];
    }
  | { readonly kind: 'code'; readonly language: string; readonly lines: readonly string[] }
  | { readonly kind: 'figure'; readonly figure: Figure; readonly path: string };

/** A heading of the given level. */
export function heading(level: 1 | 2 | 3, ...words: Inline[]): Block {
  return { kind: 'heading', level, words };
}

/** A paragraph. */
export function paragraph(...words: Inline[]): Block {
  return { kind: 'paragraph', words };
}

/** A table; the first column is words, the others are set right. */
export function table(head: readonly string[], rows: readonly (readonly Inline[])[]): Block {
  return { kind: 'table', head, rows };
}

/** The blocks as GitHub-flavoured Markdown. */
export function toMarkdown(blocks: readonly Block[]): string {
  return `${blocks.map(markdownBlock).join('\n\n')}\n`;
}

/** The blocks as one HTML page that needs no other file. */
export function toHtml(title: string, blocks: readonly Block[]): string {
  const body = blocks.map(htmlBlock).join('\n');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeText(title)}</title>
<style>${pageStyle}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
}

const pageStyle = `
:root{color-scheme:light dark;--ground:#f6f8fa;--sheet:#fff;--ink:#1f2733;--soft:#5d6878;--rule:#dfe4ea;--link:#2563c9}
@media (prefers-color-scheme:dark){:root{--ground:#0c0f13;--sheet:#12161c;--ink:#e8edf4;--soft:#9ba8b8;--rule:#2c3541;--link:#79a8ff}}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:60rem;margin:0 auto;padding:2rem 1.25rem 4rem}
h1{font-size:1.7rem;line-height:1.25;margin:0 0 .5rem}h2{font-size:1.2rem;margin:2.2rem 0 .6rem}h3{font-size:1rem;margin:1.4rem 0 .4rem}
a{color:var(--link)}code{font:.92em ui-monospace,SFMono-Regular,Menlo,monospace}
pre{background:var(--sheet);border:1px solid var(--rule);border-radius:6px;padding:.8rem 1rem;overflow-x:auto}
.scroll{overflow-x:auto;margin:.8rem 0}table{border-collapse:collapse;background:var(--sheet);border:1px solid var(--rule);border-radius:6px}
th,td{padding:.4rem .8rem;border-bottom:1px solid var(--rule);text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
th{font-weight:600;color:var(--soft)}tr:last-child td{border-bottom:0}th:first-child,td:first-child{text-align:left}
figure{margin:1rem 0;overflow-x:auto}figure svg{max-width:100%;height:auto;border:1px solid var(--rule);border-radius:6px}`;

const FENCE = '```';

const markdownBlocks = {
  heading: ({ level, words }) => `${'#'.repeat(level)} ${words.map(markdownInline).join('')}`,
  paragraph: ({ words }) => words.map(markdownInline).join(''),
  table: ({ head, rows }) =>
    [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...rows.map((row) => row.map(markdownInline))]
      .map((row) => `| ${row.join(' | ')} |`)
      .join('\n'),
  code: ({ language, lines }) => [`${FENCE}${language}`, ...lines, FENCE].join('\n'),
  figure: ({ figure, path }) => `![${markdownText(`${figure.title}. ${figure.description}`)}](${path})`,
} satisfies Renderers;

const htmlBlocks = {
  heading: ({ level, words }) => `<h${level}>${words.map(htmlInline).join('')}</h${level}>`,
  paragraph: ({ words }) => `<p>${words.map(htmlInline).join('')}</p>`,
  table: ({ head, rows }) => {
    const cells = head.map((cell) => `<th scope="col">${escapeText(cell)}</th>`).join('');
    const lines = rows.map((row) => `<tr>${row.map((cell) => `<td>${htmlInline(cell)}</td>`).join('')}</tr>`);
    return `<div class="scroll"><table>\n<thead><tr>${cells}</tr></thead>\n<tbody>\n${lines.join('\n')}\n</tbody>\n</table></div>`;
  },
  code: ({ lines }) => `<pre><code>${escapeText(lines.join('\n'))}</code></pre>`,
  figure: ({ figure }) => `<figure>${figure.svg}</figure>`,
} satisfies Renderers;

type Renderers = { readonly [K in Block['kind']]: (block: Extract<Block, { kind: K }>) => string };

function render(renderers: Renderers, block: Block): string {
  // The table has one renderer a kind, each for its own blocks; the union of calls is more than inference follows.
  return (renderers[block.kind] as (block: Block) => string)(block);
}

function markdownBlock(block: Block): string {
  return render(markdownBlocks, block);
}

function htmlBlock(block: Block): string {
  return render(htmlBlocks, block);
}

function markdownInline(part: Inline): string {
  if (typeof part === 'string') return markdownText(part);
  if ('code' in part) return `\`${oneLine(part.code).replace(/[`|]/g, '')}\``;
  return safeUrl(part.to)
    ? `[${markdownText(part.link)}](<${part.to.replace(/[<>\s]/g, encodeURIComponent)}>)`
    : markdownText(part.link);
}

function htmlInline(part: Inline): string {
  if (typeof part === 'string') return escapeText(part);
  if ('code' in part) return `<code>${escapeText(part.code)}</code>`;
  return safeUrl(part.to) ? `<a href="${escapeText(part.to)}">${escapeText(part.link)}</a>` : escapeText(part.link);
}

/** Words as words: nothing in them is markup, a table cell or a line of its own. */
function markdownText(words: string): string {
  return oneLine(words).replace(/[\\`*[\]<>|#~]|(?<!\w)_|_(?!\w)/g, (c) => `\\${c}`);
}

function oneLine(words: string): string {
  return words.replace(/\s+/g, ' ');
}

function safeUrl(url: string): boolean {
  return /^https?:\/\//i.test(url);
}
