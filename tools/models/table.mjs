// Names under which tests speak of a family's models, where they are not its `model_type`.
const names = {
  bert: ['bert', 'bert-regression', 'all-MiniLM-L6-v2'],
  gemma: ['gemma'],
  llama: ['llama', 'llama-3', 'llama-linear', 'stories260K'],
  opt: ['opt', 'opt-350m-style'],
  t5: ['t5', 't5-v1_1', 't5-tiny-multi30k-de-en'],
};

const whole = [/^NAME: trained for 20 steps, pruned, compacted, and proved from its files$/];

/** Columns, and the titles of the tests that speak for a family's cell; NAME stands for a model's name. */
export const columns = {
  convert: [
    /^(tiny-random\/|masked-lm\/|classifiers\/)?NAME( of the repository)?: logits, loss and the gradient of every parameter$/,
  ],
  train: whole,
  prune: whole,
  compact: [...whole, /^a compacted NAME, head counts differing by layer, /],
  generate: [/^(tiny-random\/)?NAME(, token by token| of the repository writes| translates)/],
  'transformers.js': [
    /^NAME in transformers\.js /,
    /^NAME: masked words in transformers\.js$/,
    /^(tiny-random\/)?NAME(, token by token| of the repository writes| translates)/,
  ],
  'fp16, q8, q4': [/^(tiny-random\/)?NAME(: encoder and merged decoder| writes)? in each precision/],
};

/** The spec files that these tests stand in. */
export const specs = [
  'packages/neuroprune/src/verify/verify.spec.ts',
  'packages/neuroprune/test/encoders.spec.ts',
  'packages/neuroprune/test/generate.spec.ts',
  'packages/neuroprune/test/variants.spec.ts',
  'packages/prune/src/encoders.spec.ts',
  'packages/prune/src/writers.spec.ts',
];

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');

/** A cell: the number of tests that passed, `fails` where one did not, and nothing where none ran. */
export function cellOf(tests, family, patterns) {
  const wanted = (names[family] ?? [family]).flatMap((name) =>
    patterns.map((pattern) => new RegExp(pattern.source.replace('NAME', escaped(name)))),
  );
  const own = tests.filter(({ titles }) => titles.some((title) => wanted.some((pattern) => pattern.test(title))));
  if (own.some(({ status }) => status === 'failed')) return 'fails';
  const passed = own.filter(({ status }) => status === 'passed').length;
  return passed > 0 ? `✓ ${passed}` : '–';
}

/** The tests in vitest's JSON report. */
export const testsOf = ({ testResults }) =>
  testResults.flatMap(({ assertionResults }) =>
    assertionResults.map(({ status, title, ancestorTitles }) => ({ status, titles: [title, ...ancestorTitles] })),
  );

/** What vitest lists, as a report in which every test passed: what the page says as long as no test fails. */
export const reportOf = (list) => ({
  testResults: [
    {
      assertionResults: list.map(({ name }) => {
        const [title, ...ancestorTitles] = name.split(' > ').reverse();
        return { status: 'passed', title, ancestorTitles };
      }),
    },
  ],
});

/** The classes of transformers that each architecture declares. */
export const classesOf = (architectures) =>
  Object.fromEntries(
    Object.entries(architectures).map(([type, { classNames, classifier }]) => [
      type,
      { ...classNames, ...classifier?.classNames },
    ]),
  );

/** The heads of each family: the classes of transformers that are read and written. */
const headsOf = (classes) =>
  Object.entries(classes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([family, names]) =>
        `| \`${family}\` | ${Object.values(names)
          .map((name) => `\`${name}\``)
          .join(', ')} |`,
    )
    .join('\n');

/** The page about all families, from a report and the classes that each declares. */
export function pageOf(report, families, classes = {}) {
  const tests = testsOf(report);
  const rows = [...families].sort().map((family) => {
    const cells = Object.values(columns).map((patterns) => cellOf(tests, family, patterns));
    return `| \`${family}\` | ${cells.join(' | ')} |`;
  });
  const titles = Object.keys(columns);
  return `# Models

Written by \`node tools/models/models.mjs\` from the results of the tests that it runs; not by hand.

A cell counts the tests behind it that passed; \`fails\` says that one did not, – that no test speaks for it.

- **convert**: logits, loss and the gradient of every parameter equal PyTorch's (\`neuroprune convert --verify\`).
- **train**, **prune**, **compact**: twenty steps of NeuroPrune to 70 % zeros and three heads (of a model that writes text one
  more than it has attentions), the dead parts cut out, and the cut proved from the published files in a fresh process; or a
  compacted model that writes what the whole one does.
- **generate**: greedy text in transformers.js from our files, token by token PyTorch's.
- **transformers.js**: our files run there as they are, with PyTorch's logits or text.
- **fp16, q8, q4**: the files of \`--dtype\` run there too ([formats](formats.md)), those of float16 with PyTorch's logits or text.

| \`model_type\` | ${titles.join(' | ')} |
| --- | ${titles.map(() => '---').join(' | ')} |
${rows.join('\n')}

## Heads

The classes of transformers that are read and written. Where a checkpoint has another head than the one for classes that is
asked for, that is drawn at random and trained. Decoders classify by their last token, BART and T5 by their last end of text. Marian
has none.

| \`model_type\` | classes |
| --- | --- |
${headsOf(classes)}
`;
}
