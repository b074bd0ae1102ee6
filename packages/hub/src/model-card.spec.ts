import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { temporaryFolder } from '../test/local.js';
import { readCard } from './card.js';
import { writeEvalResults } from './eval-results.js';
import { modelCard } from './model-card.js';

const result = (value: number) => ({
  task: { type: 'text-classification', name: 'SST-2' },
  dataset: { type: 'nyu-mll/glue', name: 'GLUE', config: 'sst2', split: 'validation' },
  metrics: [{ type: 'accuracy', value }],
});

test('a card is YAML front matter and Markdown', () => {
  const text = modelCard({
    frontMatter: {
      base_model: 'org/base',
      tags: ['neuroprune', 'no: mapping', 'yes'],
      license: undefined,
      'model-index': [{ name: 'm', results: [result(0.837), result(Number.NaN)] }],
    },
    body: '\n# m\n\n---\nend\n',
  });
  expect(text).toMatchInlineSnapshot(`
    "---
    base_model: org/base
    tags:
      - neuroprune
      - "no: mapping"
      - yes
    model-index:
      - name: m
        results:
          - task:
              type: text-classification
              name: SST-2
            dataset:
              type: nyu-mll/glue
              name: GLUE
              config: sst2
              split: validation
            metrics:
              - type: accuracy
                value: 0.837
    ---

    # m

    ---
    end
    "
  `);
  const { frontMatter, body } = readCard(text);
  expect(frontMatter.tags).toEqual(['neuroprune', 'no: mapping', 'yes']);
  expect(body).toBe('\n# m\n\n---\nend\n');
});

test.each([
  ['no front matter', '# title', {}, '# title'],
  ['empty front matter', '---\n---\nbody', {}, 'body'],
  ['Windows line ends', '---\r\na: 1\r\n---\r\nbody', { a: 1 }, 'body'],
  ['a rule below the title', 'title\n---\na: 1\n---\n', {}, 'title\n---\na: 1\n---\n'],
  ['front matter that is a list', '---\n- a\n---\n', {}, ''],
])('%s', (_, text, frontMatter, body) => {
  expect(readCard(text)).toEqual({ frontMatter, body });
});

test.each(['---\na: [1\n---\n', '---\na: 1\na: 2\n---\n', `---\na: &a [x]\nb: [${'*a,'.repeat(2000)}]\n---\n`])(
  'broken or hostile YAML gives one clear line (%#)',
  (text) => {
    expect(() => readCard(text, 'data set x, README.md')).toThrow(/^hub: data set x, README\.md: expected YAML .*$/);
  },
);

test('evaluation results are a list in .eval_results', async () => {
  const folder = await temporaryFolder();
  const results = [{ dataset: { id: 'nyu-mll/glue', task_id: 'sst2' }, value: 83.7, date: '2026-01-31' }];
  const path = await writeEvalResults(folder, 'glue-sst2', results);
  expect(path.slice(folder.length).replaceAll('\\', '/')).toBe('/.eval_results/glue-sst2.yaml');
  expect(parse(await readFile(path, 'utf8'))).toEqual(results);
  await expect(writeEvalResults(folder, '../x', results)).rejects.toMatchObject({ kind: 'input' });
});
