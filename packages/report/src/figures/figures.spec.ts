import { describe, expect, test } from 'vitest';
import { element, escapeText, line } from '../svg.js';
import { sampleTopology } from '../testing/sample.js';
import type { TrainingEvent } from '../training-event.js';
import { degreeDistribution } from './degree-distribution.js';
import { headsMap } from './heads-map.js';
import { trainingCurves } from './training-curves.js';

const events: TrainingEvent[] = Array.from({ length: 2000 }, (_, i) => ({
  step: i + 1,
  loss: i === 7 ? Number.NaN : 1 / (1 + i / 100),
  sparsity: Math.min(0.7, i / 2000),
  heads: i < 1000 ? 16 : 14,
}));

/** Open tags at the end, or the first that does not match: empty for well-formed markup. */
function unclosed(markup: string): string[] {
  const open: string[] = [];
  for (const [, slash, tag, own] of markup.matchAll(/<(\/?)([a-z]+)(?:\s[^<>]*?)?(\/?)>/g)) {
    if (own === '/') continue;
    if (slash === '') open.push(tag!);
    else if (open.pop() !== tag) return [`</${tag}>`];
  }
  return open;
}

const attribute = (svg: string, selector: RegExp) => [...svg.matchAll(selector)].map((m) => m[1]!);

describe('markup', () => {
  test.each([
    ['<a href="x">&\'', '&#60;a href=&#34;x&#34;&#62;&#38;&#39;'],
    ['bell\u0007, lone \ud800 surrogate, \u{1f600}', 'bell, lone  surrogate, \u{1f600}'],
  ])('escapes %j', (words, expected) => {
    expect(escapeText(words)).toBe(expected);
  });

  test('attributes are escaped, undefined ones left out, coordinates rounded', () => {
    expect(element('rect', { x: 1.23456, class: undefined, id: '"' })).toBe('<rect x="1.2" id="&#34;"/>');
  });

  test('a line is broken where a value is missing', () => {
    expect(
      line(
        [
          [0, 1],
          [1, 2],
          [2, Number.NaN],
          [3, 4],
          [4, 5],
        ],
        {},
      ),
    ).toBe('<path d="M0 1L1 2M3 4L4 5" fill="none"/>');
    expect(line([[0, Number.NaN]], {})).toBe('');
  });
});

describe.each([headsMap(sampleTopology), degreeDistribution(sampleTopology), trainingCurves(events)])(
  '$name',
  (figure) => {
    test('is one well-formed picture with a name, a description and a ground', () => {
      expect(unclosed(figure.svg)).toEqual([]);
      expect(figure.svg).not.toMatch(/NaN|Infinity|undefined|var\(/);
      expect(figure.svg).toContain(`<title id="${figure.name}-title">`);
      expect(figure.svg).toContain(`aria-labelledby="${figure.name}-title ${figure.name}-desc"`);
      expect(figure.svg).toContain(escapeText(figure.description));
      expect(figure.svg).toContain('prefers-color-scheme:dark');
    });

    test('needs nothing from outside', () => {
      expect(attribute(figure.svg, /(?:href|src)="([^"]*)"|url\(/g)).toEqual([]);
    });
  },
);

describe('heads map', () => {
  const { svg, description } = headsMap(sampleTopology);

  test('says what became of each head', () => {
    expect(attribute(svg, /<title>([^<]*)<\/title>/g)).toEqual([
      'layer 0, head 0: absorbed by head 2',
      'layer 0, head 1: kept, 25.0 % of the output weights',
      'layer 0, head 2: kept, 75.0 % of the output weights',
      'layer 1, head 0: kept, 50.0 % of the output weights',
      'layer 1, head 1: kept, 50.0 % of the output weights',
      'layer 1, head 2: removed',
    ]);
    expect(svg).toContain('→2');
    expect(description).toBe('4 of 6 heads in 2 layers are kept, 1 were absorbed by a similar head, 1 removed.');
  });

  test('layers with different numbers of heads', () => {
    const uneven = [
      sampleTopology[0]!,
      { ...sampleTopology[1]!, headStates: [{ state: 'kept' as const }], headShares: [1] },
    ];
    expect(attribute(headsMap(uneven).svg, /<title>(layer 1[^<]*)<\/title>/g)).toHaveLength(1);
  });
});

test('degree distribution: a bar a filled bin, as high as its share of the fullest', () => {
  const { svg } = degreeDistribution(sampleTopology.slice(0, 1));
  expect(attribute(svg, /height="([\d.]+)" rx="1.5" class="a"/g)).toEqual(['34', '25.5', '8.5']);
  expect(svg).toContain('mean 0.25 · sd 0.125');
});

describe('training curves', () => {
  const { svg, description } = trainingCurves(events);

  test('many steps become at most 500 points a line', () => {
    const points = attribute(svg, /<path d="([^"]*)"/g).map((d) => d.split(/[ML]/).length - 1);
    expect(points).toHaveLength(4);
    expect(Math.max(...points)).toBeLessThanOrEqual(500);
  });

  test('heads are a staircase with its ends labelled', () => {
    expect(attribute(svg, /class="b">(\d+)<\/text>/g)).toEqual(['14', '0', '16']);
    expect(description).toMatch(/^Loss from 1 at step 1 to .* zeros at the end 70\.0 %, 14 heads kept\.$/);
  });

  test.each<[string, TrainingEvent[]]>([
    ['no step', []],
    ['one step', [{ step: 1, loss: 2 }]],
    [
      'only undefined losses',
      [
        { step: 1, loss: Number.NaN },
        { step: 2, loss: Number.NaN },
      ],
    ],
    [
      'a loss of zero',
      [
        { step: 1, loss: 0 },
        { step: 2, loss: 0 },
      ],
    ],
    ['one step with everything', [{ step: 0, loss: 1, heads: 0, sparsity: 0 }]],
  ])('%s still draws', (_, few) => {
    const drawn = trainingCurves(few).svg.replace(/<desc.*<\/desc>/, '');
    expect(unclosed(drawn)).toEqual([]);
    expect(drawn).not.toMatch(/NaN|Infinity|undefined/);
  });
});
