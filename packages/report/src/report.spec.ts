import { describe, expect, test } from 'vitest';
import { renderCardBody } from './card.js';
import { bytes } from './format.js';
import { renderFigures, renderReport } from './report.js';
import { sampleRun, sampleTopology } from './testing/sample.js';

const events = [
  { step: 1, loss: 0.7, sparsity: 0 },
  { step: 2, loss: 0.5, sparsity: 0.7 },
];
const files = renderReport({ run: sampleRun, events });
const section = (title: string, markdown = files['index.md']!) =>
  markdown
    .split(/\n(?=## )/)
    .find((part) => part.startsWith(`## ${title}\n`))!
    .split('\n')
    .slice(2)
    .join('\n')
    .trim();

test('files of a report', () => {
  expect(Object.keys(files)).toEqual([
    'index.md',
    'index.html',
    'figures/heads.svg',
    'figures/degrees.svg',
    'figures/training.svg',
  ]);
});

describe('Markdown', () => {
  test('asked and reached', () => {
    expect(section('Asked and reached')).toMatchInlineSnapshot(`
      "| target | asked | reached | met |
      | --- | ---: | ---: | ---: |
      | zeros in the prunable matrices | 70.00 % | 70.00 % | yes |
      | heads of 6 | 4 | 4 | yes |"
    `);
  });

  test('quality beside the dense model', () => {
    expect(section('Quality')).toMatchInlineSnapshot(`
      "| task, split (examples) | metric | sparse | dense | difference |
      | --- | ---: | ---: | ---: | ---: |
      | sst2 validation (872) | accuracy | 0.8372 | 0.8486 | −0.0114 |"
    `);
  });

  test('zeros, parameters, bytes and latency stand together, with what zeros do not give', () => {
    expect(section('Size and speed')).toMatchInlineSnapshot(`
      "|  | dense | compact | change |
      | --- | ---: | ---: | ---: |
      | share of zeros (prunable matrices) | – | 70.0 % | – |
      | parameters of the whole model | 1,000 | 600 | 40.0 % gone |
      | bytes of the ONNX file | 4.2 MB | 2.5 MB | 40.5 % gone |
      | latency, cpu, batch 1 × 32 (50 repeats) | 4 ms | 2.5 ms | 1.60× as fast |

      Zeros that stay inside a matrix give no speed: ONNX Runtime computes with them as with any other number. Only what was cut out of the graph (here 400 parameters) makes the file smaller and the model faster.

      Masked and compacted model were run on the same 872 examples; the largest difference of a logit is 2.1e−6."
    `);
  });

  test('training', () => {
    expect(section('Training').split('\n\n')[0]).toMatchInlineSnapshot(`
      "|  | value |
      | --- | ---: |
      | steps | 2,104 |
      | time | 1 min 35 s |
      | one step, at first and at last | 45 ms, 40 ms |
      | tokens computed | 250 (25.0 % of those padded to the full length) |"
    `);
  });

  test('figures are linked where they lie', () => {
    const links = [...files['index.md']!.matchAll(/\]\((figures\/[^)]*)\)/g)].map((m) => m[1]!);
    expect(links).toEqual(['figures/heads.svg', 'figures/degrees.svg', 'figures/training.svg']);
    for (const link of links) expect(files[link]).toMatch(/^<svg /);
  });
});

test.each([
  ['sparsity', { sparsity: { requested: 0.7, reached: 0.69 } }, /zeros .*70\.00 % \| 69\.00 % \| no/],
  ['heads', { heads: { total: 6, requested: 4, kept: 5 } }, /heads of 6 \| 4 \| 5 \| no/],
  ['no head target', { heads: { total: 6, kept: 6 } }, /heads of 6 \| – \| 6 \| – \|/],
  ['within a tenth of a point', { sparsity: { requested: 0.7, reached: 0.7009 } }, /70\.09 % \| yes/],
])('a target missed is said: %s', (_, change, expected) => {
  expect(renderReport({ run: { ...sampleRun, ...change } })['index.md']).toMatch(expected);
});

test('without a dense model the columns are gone', () => {
  const { dense: _, ...alone } = sampleRun.evaluation[0]!;
  const markdown = renderReport({ run: { ...sampleRun, evaluation: [alone] } })['index.md']!;
  expect(section('Quality', markdown).split('\n')[0]).toBe('| task, split (examples) | metric | sparse |');
});

test('a run that grew says so', () => {
  const markdown = renderReport({ run: { ...sampleRun, bytes: { dense: 100, compact: 110 } } })['index.md']!;
  expect(markdown).toContain('| 100 B | 110 B | 10.0 % more |');
});

describe('HTML', () => {
  const html = files['index.html']!;

  test('stands alone', () => {
    expect(html).toMatch(/^<!doctype html>/);
    expect(html.match(/<svg /g)).toHaveLength(3);
    expect(html).not.toMatch(/<(script|link|img|iframe)\b|\ssrc=/);
    expect([...html.matchAll(/href="([^"]*)"/g)].map((m) => m[1])).toEqual([sampleRun.published!.url]);
  });

  test('ids are unique', () => {
    const ids = [...html.matchAll(/\sid="([^"]*)"/g)].map((m) => m[1]);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('hostile words stay words', () => {
  const run = {
    ...sampleRun,
    model: '<script>alert(1)</script>|`x`',
    task: '](http://evil)\n# heading',
    published: { repo: 'a/b', commit: '"><img>', url: 'javascript:alert(1)' },
  };
  const hostile = renderReport({ run, events });

  test('in HTML', () => {
    expect(hostile['index.html']).not.toMatch(/<script|<img|javascript:/);
  });

  test('in Markdown', () => {
    const [title] = hostile['index.md']!.split('\n');
    expect(title).toBe('# \\<script\\>alert(1)\\</script\\>\\|\\`x\\` on \\](http://evil) \\# heading');
    expect(hostile['index.md']).not.toContain('javascript:');
  });

  test('in the card, code included', () => {
    const card = renderCardBody(run, { repo: 'a/b", evil("', example: ['"""\n```\n# out'] });
    expect(card).not.toMatch(/^# out|^```\n# /m);
    expect(card).toContain('from_pretrained("a/b\\", evil(\\"")');
    expect(card.match(/^```/gm)).toHaveLength(6);
  });
});

test.each([
  [
    'seq2seq',
    'AutoModelForSeq2SeqLM',
    '`onnx/encoder_model.onnx` with `onnx/decoder_model_merged.onnx` the small ones',
  ],
  ['causal', 'AutoModelForCausalLM', '`onnx/model.onnx` the small ones'],
] as const)('the card of a %s model says how it writes', (writes, name, files) => {
  const card = renderCardBody(sampleRun, { repo: 'local/tiny-np', example: ['Ein Satz.'], writes });
  expect(card).toContain(files);
  expect(card).toContain(`model = ${name}.from_pretrained("local/tiny-np")`);
  expect(card).toContain('...tokenizer("Ein Satz."), max_new_tokens: 64');
  expect(card).not.toContain('SequenceClassification');
});

test('rows of layers are named where the run says their names', () => {
  const name = 'decoder.block.0, reading the encoder';
  const named = { ...sampleRun, structure: [{ layer: 3, name, heads: 2, hiddenUnits: 0 }] };
  expect(renderReport({ run: named })['index.md']).toContain(`| 3: ${name} | 2 | 0 |`);
});

test('a run without topology or events has no figures', () => {
  const bare = { ...sampleRun, structure: [{ layer: 0, heads: 2, hiddenUnits: 8 }] };
  expect(Object.keys(renderReport({ run: bare }))).toEqual(['index.md', 'index.html']);
  expect(renderFigures({ run: bare, topology: sampleTopology }).map((f) => f.name)).toEqual(['heads', 'degrees']);
});

describe('card', () => {
  const card = renderCardBody(sampleRun, {
    repo: 'local/tiny-np',
    figures: renderFigures({ run: sampleRun, events }),
    example: ['First one.', 'Second one.'],
  });

  test('numbers and figures', () => {
    expect(card).toMatch(/^# tiny-np\n/);
    for (const row of ['| heads of 6 | 4 | 4 | yes |', '| 1,000 | 600 | 40.0 % gone |', '0.8372', 'give no speed'])
      expect(card).toContain(row);
    expect(card.match(/!\[/g)).toHaveLength(3);
  });

  test.each([
    ['Python, transformers', 'logits = model(**tokenizer("First one.", "Second one.", return_tensors="pt")).logits'],
    [
      'Python, onnxruntime',
      'session = onnxruntime.InferenceSession(hf_hub_download("local/tiny-np", "onnx/model.onnx"))',
    ],
    ['JavaScript, transformers.js', 'const inputs = tokenizer("First one.", { text_pair: "Second one." });'],
  ])('how to load it in %s', (title, expected) => {
    const part = card.split('### ').find((p) => p.startsWith(title))!;
    expect(part.split('\n')).toContain(expected);
  });
});

test.each(['index.md', 'index.html'])('%s has the precisions, sizes and scores of further ONNX files', (file) => {
  const of = { task: 'sst2', split: 'validation', examples: 872 };
  const variants = [
    { ...of, dtype: 'fp16', files: ['onnx/model_fp16.onnx'], bytes: 1_250_000, metrics: { accuracy: 0.8361 } },
    { ...of, dtype: 'q8', files: ['onnx/model_quantized.onnx'], bytes: 700_000, metrics: {} },
  ];
  const text = renderReport({ run: { ...sampleRun, variants } })[file] ?? '';
  for (const shown of ['fp32', 'fp16', 'q8', bytes(1_250_000), '50.0 %', '28.0 %', '0.8361'])
    expect(text).toContain(shown);
  expect(renderReport({ run: sampleRun })[file]).not.toContain('fp32');
});

test('the card of a decoder that classifies loads it by the base class in transformers.js', () => {
  const [decoder, encoder] = [true, false].map((is) => renderCardBody(sampleRun, { repo: 'local/np', decoder: is }));
  expect(decoder).toContain('PreTrainedModel.from_pretrained("local/np", { dtype: \'fp32\' })');
  expect(decoder).toContain('from transformers import AutoModelForSequenceClassification');
  expect(encoder).not.toContain('PreTrainedModel');
});
