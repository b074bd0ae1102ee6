import { splitWords, stripEnd } from '../python-text.js';

/** How TER reads a text, as sacreBLEU's options of the same names. */
export interface TerTokenOptions {
  /** Joins lines, unescapes four entities and splits off punctuation. */
  readonly normalized?: boolean;
  /** Takes out punctuation. */
  readonly noPunct?: boolean;
  /** With `normalized`, splits Chinese and Japanese to characters; with `noPunct`, takes out their punctuation too. */
  readonly asianSupport?: boolean;
  /** Does not turn to lower case. */
  readonly caseSensitive?: boolean;
}

type Rules = readonly (readonly [pattern: RegExp, replacement: string])[];

const western: Rules = [
  [/\n-/g, ''],
  [/\n/g, ' '],
  [/&quot;/g, '"'],
  [/&amp;/g, '&'],
  [/&lt;/g, '<'],
  [/&gt;/g, '>'],
  [/^|$/g, ' '],
  [/([{-~[-` -&(-+:-@/])/g, ' $1 '],
  [/'s /g, " 's "],
  [/'s$/g, " 's"],
  [/([^0-9])([.,])/g, '$1 $2 '],
  [/([.,])([^0-9])/g, ' $1 $2'],
  [/([0-9])(-)/g, '$1 $2 '],
];

const asianPunctuation = /[\u3001\u3002\u3008-\u3011\u3014-\u301f\uff61-\uff65\u30fb]/g;
const fullWidthPunctuation = /[\uff0e\uff0c\uff1f\uff1a\uff1b\uff01\uff02\uff08\uff09]/g;

// The fourth range is written so in sacreBLEU ('\u3f22' for '\u32ff'); its rules for kana never act, for they want the line
// to begin with kana where a space has been put.
const asian: Rules = [
  [/[\u4e00-\u9fff\u3400-\u4dbf]/g, ' $& '],
  [/[\u31c0-\u31ef\u2e80-\u2eff]/g, ' $& '],
  [/[\u3300-\u33ff\uf900-\ufaff\ufe30-\ufe4f]/g, ' $& '],
  [/[\u3200-\u3f22]/g, ' $& '],
  [asianPunctuation, ' $& '],
  [fullWidthPunctuation, ' $& '],
];

const withoutPunctuation: Rules = [[/[.,?:;!"()]/g, '']];

const withoutAsianPunctuation: Rules = [
  [asianPunctuation, ''],
  [fullWidthPunctuation, ''],
];

/** Words of a text as Tercom makes them (sacreBLEU's `TercomTokenizer`). */
export function terWords(text: string, options: TerTokenOptions): string[] {
  const { normalized = false, noPunct = false, asianSupport = false } = options;
  const rules = [
    ...(normalized ? western : []),
    ...(normalized && asianSupport ? asian : []),
    ...(noPunct ? withoutPunctuation : []),
    ...(noPunct && asianSupport ? withoutAsianPunctuation : []),
  ];
  const stripped = stripEnd(text);
  const cased = options.caseSensitive ? stripped : stripped.toLowerCase();
  return splitWords(rules.reduce((rest, [pattern, replacement]) => rest.replace(pattern, replacement), cased));
}
