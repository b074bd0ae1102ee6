// Whether each letter is a consonant: not a, e, i, o or u, nor a y after a consonant.
function consonants(word: string): boolean[] {
  const flags: boolean[] = [];
  for (const [i, letter] of [...word].entries()) {
    flags.push(letter === 'y' ? i === 0 || !flags[i - 1] : !'aeiou'.includes(letter));
  }
  return flags;
}

// Number of times a consonant follows a vowel, the m of the paper.
function measure(stem: string): number {
  const flags = consonants(stem);
  return flags.reduce((count, flag, i) => count + (i > 0 && flag && !flags[i - 1] ? 1 : 0), 0);
}

const hasVowel = (stem: string): boolean => consonants(stem).includes(false);

const endsInDouble = (word: string): boolean =>
  word.length >= 2 && word.at(-1) === word.at(-2) && consonants(word).at(-1)!;

// Consonant, vowel, consonant but for w, x and y; NLTK: also a word of vowel and consonant.
function endsShort(word: string): boolean {
  const [third, second, last] = consonants(word).slice(-3);
  if (word.length === 2) return !third && second!;
  return word.length >= 3 && third! && !second && last! && !'wxy'.includes(word.at(-1)!);
}

type Rule = readonly [suffix: string, replacement: string, holds: (stem: string) => boolean];

// The first rule whose suffix fits decides, whether its condition holds or not.
function apply(word: string, rules: readonly Rule[]): string {
  const rule = rules.find(([suffix]) => word.endsWith(suffix));
  if (!rule) return word;
  const stem = word.slice(0, word.length - rule[0].length);
  return rule[2](stem) ? stem + rule[1] : word;
}

const always = (): boolean => true;
const some = (stem: string): boolean => measure(stem) > 0;
const more = (stem: string): boolean => measure(stem) > 1;

const plurals: readonly Rule[] = [
  ['sses', 'ss', always],
  ['ies', 'i', always],
  ['ss', 'ss', always],
  ['s', '', always],
];

const step1a = (word: string): string =>
  word.length === 4 && word.endsWith('ies') ? `${word.slice(0, 1)}ie` : apply(word, plurals);

function step1b(word: string): string {
  if (word.endsWith('ied')) return word.slice(0, -3) + (word.length === 4 ? 'ie' : 'i');
  if (word.endsWith('eed')) return apply(word, [['eed', 'ee', some]]);
  const suffix = ['ed', 'ing'].find((end) => word.endsWith(end) && hasVowel(word.slice(0, -end.length)));
  if (suffix === undefined) return word;
  const stem = word.slice(0, -suffix.length);
  if (/(?:at|bl|iz)$/.test(stem)) return `${stem}e`;
  if (endsInDouble(stem)) return 'lsz'.includes(stem.at(-1)!) ? stem : stem.slice(0, -1);
  return measure(stem) === 1 && endsShort(stem) ? `${stem}e` : stem;
}

const step1c = (word: string): string =>
  apply(word, [['y', 'i', (stem) => stem.length > 1 && consonants(stem).at(-1)!]]);

const derivations: readonly Rule[] = [
  ['ational', 'ate', some],
  ['tional', 'tion', some],
  ['enci', 'ence', some],
  ['anci', 'ance', some],
  ['izer', 'ize', some],
  ['bli', 'ble', some],
  ['alli', 'al', some],
  ['entli', 'ent', some],
  ['eli', 'e', some],
  ['ousli', 'ous', some],
  ['ization', 'ize', some],
  ['ation', 'ate', some],
  ['ator', 'ate', some],
  ['alism', 'al', some],
  ['iveness', 'ive', some],
  ['fulness', 'ful', some],
  ['ousness', 'ous', some],
  ['aliti', 'al', some],
  ['iviti', 'ive', some],
  ['biliti', 'ble', some],
  ['fulli', 'ful', some],
  // The l counts with the stem, so that short ones such as geo have a measure.
  ['logi', 'log', (stem) => some(`${stem}l`)],
];

// NLTK: -alli goes first, and what is left goes through the step again.
const step2 = (word: string): string =>
  word.endsWith('alli') && some(word.slice(0, -4)) ? step2(word.slice(0, -2)) : apply(word, derivations);

const endings: readonly Rule[] = [
  ['icate', 'ic', some],
  ['ative', '', some],
  ['alize', 'al', some],
  ['iciti', 'ic', some],
  ['ical', 'ic', some],
  ['ful', '', some],
  ['ness', '', some],
];

const remainders: readonly Rule[] = [
  ...['al', 'ance', 'ence', 'er', 'ic', 'able', 'ible', 'ant', 'ement', 'ment', 'ent'].map((s): Rule => [s, '', more]),
  ['ion', '', (stem) => more(stem) && 'st'.includes(stem.at(-1)!)],
  ...['ou', 'ism', 'ate', 'iti', 'ous', 'ive', 'ize'].map((s): Rule => [s, '', more]),
];

const step5a = (word: string): string => {
  const stem = word.slice(0, -1);
  const drops = word.endsWith('e') && (more(stem) || (measure(stem) === 1 && !endsShort(stem)));
  return drops ? stem : word;
};

const step5b = (word: string): string => (word.endsWith('ll') && more(word.slice(0, -1)) ? word.slice(0, -1) : word);

const irregular: Readonly<Record<string, string>> = {
  sky: 'sky',
  skies: 'sky',
  dying: 'die',
  lying: 'lie',
  tying: 'tie',
  news: 'news',
  innings: 'inning',
  inning: 'inning',
  outings: 'outing',
  outing: 'outing',
  cannings: 'canning',
  canning: 'canning',
  howe: 'howe',
  proceed: 'proceed',
  exceed: 'exceed',
  succeed: 'succeed',
};

const steps = [
  step1a,
  step1b,
  step1c,
  step2,
  (word: string) => apply(word, endings),
  (word: string) => apply(word, remainders),
  step5a,
  step5b,
];

/**
 * Stem of a lower-case word of letters and digits: Porter, "An algorithm for suffix stripping" (1980), with the departures
 * of NLTK 3.10's default mode, which ROUGE's Python package uses.
 */
export function porterStem(word: string): string {
  if (Object.hasOwn(irregular, word)) return irregular[word]!;
  return word.length <= 2 ? word : steps.reduce((stem, step) => step(stem), word);
}
