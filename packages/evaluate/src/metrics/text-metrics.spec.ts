import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { stream } from '../random.js';
import { bleuTokenizer } from './bleu/tokenizers.js';
import { metricFacts } from './metric-facts.js';
import { metrics, textMetrics } from './metrics.js';
import { slidingWindows } from './perplexity.js';
import { rougeScore } from './rouge/rouge.js';
import { METRICS_VERSION } from './signature.js';
import { shifted } from './ter/shifts.js';

const names = ['bleu', 'chrf', 'exactMatch', 'rouge', 'ter'] as const;
type Name = (typeof names)[number];
const values = (name: Name, predictions: string[], references: string[][], options = {}): number[] => {
  const { signature: _, ...rest } = metrics[name](predictions, references, options) as Record<string, unknown>;
  return Object.values(rest) as number[];
};

/** Random sentences of some words of several scripts. */
function sentences(count: number, seed: number, longest = 12): string[] {
  const words = [
    'the',
    'Cat',
    'sat',
    'on',
    'mats,',
    'running',
    '3.5',
    'naïve',
    '北京',
    '👍🏽',
    'U.S.',
    '(well)',
    '“so”',
    'é',
  ];
  const below = stream(seed);
  return Array.from({ length: count }, () =>
    Array.from({ length: 1 + below(longest) }, () => words[below(words.length)]!).join(' '),
  );
}

describe('properties, on random texts', () => {
  const predictions = sentences(40, 1);
  const references = sentences(40, 2).map((text, i) => [text, ...sentences(2, 100 + i)]);
  const others = predictions.map((_, i) => (7 * i + 3) % 40);

  it.each(names)('%s: a text is as good as can be beside itself, and stays within its range', (name) => {
    const best = { ter: 0, bleu: 100, chrf: 100, exactMatch: 1, rouge: 1 }[name];
    const itself = ['a long enough text with a b c', 'another text of several words'];
    for (const value of values(
      name,
      itself,
      itself.map((text) => ['nothing alike', text]),
    ))
      expect(value).toBeCloseTo(best, 12);
    const { low, high } = metricFacts[name];
    for (const value of values(name, predictions, references)) {
      expect(value).toBeGreaterThanOrEqual(low);
      expect(value).toBeLessThanOrEqual(high);
    }
  });

  it.each(names)('%s: the order of texts and of references does not matter', (name) => {
    const plain = values(name, predictions, references);
    const moved = values(
      name,
      others.map((i) => predictions[i]!),
      others.map((i) => references[i]!.toReversed()),
    );
    for (const [i, value] of moved.entries()) expect(value).toBeCloseTo(plain[i]!, 10);
  });

  it.each(['chrf', 'exactMatch', 'rouge'] as const)('%s: one reference more never harms a text', (name) => {
    for (const [i, prediction] of predictions.entries()) {
      const one = values(name, [prediction], [references[i]!.slice(0, 1)]);
      const more = values(name, [prediction], [references[i]!]);
      for (const [k, value] of more.entries()) expect(value).toBeGreaterThanOrEqual(one[k]!);
    }
  });

  it('ROUGE-1, -2 and -L do not change when both sides change places; Lsum of one line is L', () => {
    for (const [i, prediction] of predictions.entries()) {
      const reference = references[i]![0]!;
      const [there, back] = [rougeScore(prediction, [reference]), rougeScore(reference, [prediction])];
      for (const key of ['rouge1', 'rouge2', 'rougeL'] as const) {
        expect(there[key].fmeasure).toBeCloseTo(back[key].fmeasure, 12);
        expect(there[key].precision).toBe(back[key].recall);
      }
      expect(there.rougeLsum).toEqual(there.rougeL);
    }
  });

  it('TER is at most the word edit distance, and a shift counts once', () => {
    const distance = (a: string[], b: string[]): number => {
      let row = b.map((_, j) => j + 1);
      for (const [i, word] of a.entries()) {
        let [left, diagonal] = [i + 1, i];
        row = row.map((above, j) => {
          left = Math.min(above + 1, left + 1, diagonal + (word === b[j] ? 0 : 1));
          diagonal = above;
          return left;
        });
      }
      return row.at(-1)!;
    };
    for (const [i, prediction] of predictions.entries()) {
      const reference = references[i]![0]!;
      const words = [prediction, reference].map((text) => text.toLowerCase().split(' '));
      const { ter } = metrics.ter([prediction], [[reference]]);
      expect((ter * words[1]!.length) / 100).toBeLessThanOrEqual(distance(words[0]!, words[1]!) + 1e-9);
    }
    expect(metrics.ter(['d e f a b c'], [['a b c d e f']]).ter).toBeCloseTo(100 / 6, 12);
  });

  it('shifts keep all words', () => {
    const words = Int32Array.from({ length: 9 }, (_, i) => i);
    for (let start = 0; start < 9; start++)
      for (let length = 1; start + length <= 9; length++)
        for (let target = 0; target <= 9; target++)
          expect([...shifted(words, start, length, target)].sort()).toEqual([...words]);
    expect([...shifted(words, 6, 2, 1)]).toEqual([0, 6, 7, 1, 2, 3, 4, 5, 8]);
  });
});

describe('options', () => {
  const texts = ['The  cat -- sat; on 3.5 MATS!', 'a relational 北京，dog'];
  const references = [['the cat sat; on 3.5 mats'], ['A relation 北京 dogs']];
  it.each<[Name, object]>([
    ...['intl', 'char', 'zh', 'none'].map((tokenize): [Name, object] => ['bleu', { tokenize }]),
    ['bleu', { lowercase: true }],
    ['bleu', { smoothMethod: 'add-k' }],
    ['bleu', { maxNgramOrder: 2 }],
    ['chrf', { charOrder: 3 }],
    ['chrf', { wordOrder: 2 }],
    ['chrf', { beta: 1 }],
    ['chrf', { lowercase: true }],
    ['chrf', { whitespace: true }],
    ['chrf', { epsSmoothing: true }],
    ['ter', { normalized: true }],
    ['ter', { noPunct: true }],
    ['ter', { caseSensitive: true }],
    ['rouge', { stemmer: true }],
  ])('%s %o changes value and signature', (name, options) => {
    expect(values(name, texts, references, options)).not.toEqual(values(name, texts, references));
    const signature = (more: object) => metrics[name](texts, references, more).signature;
    // sacreBLEU's signatures have neither.
    if (!('beta' in options || 'maxNgramOrder' in options)) expect(signature(options)).not.toBe(signature({}));
  });

  it('those that act with others or on few texts', () => {
    // Three words in a row match, four do not.
    const smooth = (options: object) => metrics.bleu(['the cat sat there now'], [['the cat sat on a mat']], options);
    const all = [{}, { smoothMethod: 'floor' }, { smoothMethod: 'floor', smoothValue: 0.3 }, { smoothMethod: 'none' }];
    expect(new Set(all.map((options) => smooth(options).bleu)).size).toBe(4);
    expect(smooth({ smoothMethod: 'none' }).bleu).toBe(0);
    expect(smooth({ smoothMethod: 'add-k', smoothValue: 3 }).bleu).not.toBe(smooth({ smoothMethod: 'add-k' }).bleu);
    expect(all.map((options) => smooth(options).signature.split('|')[4])).toEqual([
      'smooth:exp',
      'smooth:floor[0.10]',
      'smooth:floor[0.30]',
      'smooth:none',
    ]);
    const short = (effectiveOrder: boolean) => metrics.bleu(['a b'], [['a b']], { effectiveOrder }).bleu;
    expect([short(false), short(true)]).toEqual([0, expect.closeTo(100, 10)]);
    const asian = (options: object) => metrics.ter(['北京，你'], [['北京你']], options).ter;
    expect([asian({ normalized: true }), asian({ normalized: true, asianSupport: true })]).toEqual([
      100,
      expect.closeTo(100 / 3, 10),
    ]);
    expect([asian({ noPunct: true }), asian({ noPunct: true, asianSupport: true })]).toEqual([100, 0]);
  });

  it('exact match: each option lets one pair more match', () => {
    const pairs: [string, string][] = [
      ['Yes', 'yes'],
      ['yes!', 'yes'],
      ['yes 7', 'yes '],
      ['the yes', 'yes'],
    ];
    const matches = (options: object) =>
      metrics.exactMatch(
        pairs.map(([p]) => p),
        pairs.map(([, r]) => ['other', r]),
        options,
      ).exact_match;
    expect(
      [
        {},
        { ignoreCase: true },
        { ignorePunctuation: true },
        { ignoreNumbers: true },
        { regexesToIgnore: ['^the '] },
        { regexesToIgnore: [String.raw`[\d]`] },
        { regexesToIgnore: [/THE /i] },
      ].map(matches),
    ).toEqual([0, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25]);
    // Python's \d and \D mean the digits of all scripts.
    expect(metrics.exactMatch(['a٣'], [['a']], { regexesToIgnore: ['\\d'] }).exact_match).toBe(1);
    expect(metrics.exactMatch(['a٣'], [['٣']], { regexesToIgnore: ['\\D'] }).exact_match).toBe(1);
  });
});

describe('what they say', () => {
  it('NaN is said to whoever listens, and only then', () => {
    const heard: string[] = [];
    const onWarning = (message: string) => heard.push(message);
    metrics.pearson([1, 1], [1, 2], { onWarning });
    metrics.accuracy([], [], { onWarning });
    metrics.perplexity([], [], { onWarning });
    for (const name of names) expect(values(name, [], [], { onWarning }).every(Number.isNaN)).toBe(true);
    expect(heard).toHaveLength(3 + names.length);
    expect(heard[0]).toBe('pearson: not defined where a side is constant, too short or holds NaN; it is NaN');
    metrics.pearson([1, 2], [1, 2], { onWarning });
    expect(heard).toHaveLength(3 + names.length);
  });

  it('BLEU warns of tokenized predictions, unless forced', () => {
    const heard: string[] = [];
    const run = (count: number, force: boolean) => {
      const texts = new Array<string>(count).fill('A sentence .');
      metrics.bleu(
        texts,
        texts.map((text) => [text]),
        { force, onWarning: (message) => heard.push(message) },
      );
      return heard.length;
    };
    expect([run(99, false), run(100, true), run(100, false)]).toEqual([0, 0, 1]);
  });

  it.each(['ja-mecab', 'ko-mecab', 'spm', 'flores101', 'flores200', 'spBLEU-1K'])(
    'the tokenizer %s needs a download',
    (name) => {
      expect(() => bleuTokenizer(name)).toThrow(
        /expected one of 13a, intl, char, zh, none, got '.*', which needs a download/,
      );
    },
  );

  it.each([
    ['a tokenizer nobody knows', () => bleuTokenizer('constructor'), /got 'constructor'$/],
    ['orders of nothing', () => metrics.chrf(['a'], [['a']], { charOrder: 0 }), /not both 0, got 0 and 0/],
    ['an order of 0', () => metrics.bleu(['a'], [['a']], { maxNgramOrder: 0 }), /whole number from 1, got 0/],
    ['a prediction without reference', () => metrics.ter(['a'], [[]]), /references for prediction 0, got \[\]/],
    [
      'references that are no lists',
      () => metrics.rouge(['a'], ['a'] as never),
      /references for prediction 0, got "a"/,
    ],
    ['too few references', () => metrics.bleu(['a', 'b'], [['a']]), /got 2 predictions and 1 references/],
    ['too few weights', () => metrics.f1([1, 0], [1, 0], { sampleWeight: [1] }), /got 1 weights and 2 examples/],
  ])('refuses %s', (_, run, message) => expect(run).toThrow(message));

  it('the signature has the number of references, var where it differs, and our version', () => {
    expect(metrics.bleu(['a', 'b'], [['a'], ['b']]).signature).toBe(
      `nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:neuroprune-${METRICS_VERSION}`,
    );
    expect(metrics.ter(['a', 'b'], [['a'], ['b', 'c']]).signature).toMatch(/^nrefs:var\|/);
    const { version } = JSON.parse(readFileSync(path.join(import.meta.dirname, '../../package.json'), 'utf8'));
    expect(METRICS_VERSION).toBe(version);
  });

  it('the facts name the keys that come back', () => {
    for (const [name, { keys }] of Object.entries(metricFacts)) {
      const sample =
        name in textMetrics
          ? [['a'], [['a']]]
          : [
              [1, 2],
              [1, 2],
            ];
      const run = metrics[name as keyof typeof metrics] as (...pair: unknown[]) => object;
      expect(Object.keys(run(...sample)).filter((key) => key !== 'signature')).toEqual([...keys]);
    }
  });
});

describe('perplexity', () => {
  it('is exp of the mean negative log-likelihood over tokens', () => {
    expect(metrics.perplexity([Math.log(4) * 3, Math.log(2) * 2], [3, 2]).perplexity).toBeCloseTo(2 ** (8 / 5), 12);
  });

  it('windows as Hugging Face moves them', () => {
    expect(slidingWindows(10, 6, 2)).toEqual([
      { begin: 0, end: 6, scored: 5 },
      { begin: 2, end: 8, scored: 2 },
      { begin: 4, end: 10, scored: 2 },
    ]);
    expect(slidingWindows(7, 3)).toEqual([
      { begin: 0, end: 3, scored: 2 },
      { begin: 3, end: 6, scored: 2 },
      { begin: 6, end: 7, scored: 0 },
    ]);
    expect(slidingWindows(0, 3)).toEqual([]);
  });

  it('every token but the first is scored once where windows overlap', () => {
    for (let length = 1; length < 40; length++)
      for (const [max, stride] of [
        [5, 1],
        [5, 4],
        [8, 3],
        [64, 32],
      ] as const) {
        const scored = slidingWindows(length, max, stride).flatMap(({ begin, end, scored: n }) => {
          expect(end - begin).toBeLessThanOrEqual(max);
          return Array.from({ length: n }, (_, i) => end - n + i);
        });
        expect(scored).toEqual(Array.from({ length: length - 1 }, (_, i) => i + 1));
      }
  });

  it('refuses strides that leave tokens out', () => {
    expect(() => slidingWindows(9, 3, 4)).toThrow(/stride of at most 3 tokens/);
    expect(() => slidingWindows(9, 3, 0)).toThrow(/whole number from 1 on, got 0/);
  });
});

it('texts of thousands of words come to an end', { timeout: 120_000 }, () => {
  const long = sentences(1, 8, 1)[0]! + sentences(700, 9).join(' ');
  const other = sentences(700, 10).join(' ');
  for (const name of names) values(name, [long], [[other]]);
});
