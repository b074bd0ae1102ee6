import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { glue, type Task, tasks } from '@neuroprune/evaluate';
import { float32, GraphBuilder, type Model, modelOf, saveModel } from '@neuroprune/onnx';
import { fixtures } from './command.js';

/** Rows of each split of the made data sets. */
export const ROWS = { validation: 40, test: 30 } as const;

/** Where a tokenizer lies in the repository. */
export const tokenizer = path.join(fixtures, 'models/neuroprune/bert-micro-uncased');

/**
 * A classifier without weights: its logits are sines of the sum of a row's tokens. `work` multiplications of matrices
 * before that make it slow.
 */
export function sines(outputs: number, { turn = 1, work = 0 } = {}): Model {
  const builder = new GraphBuilder();
  const { op } = builder;
  const [ids, mask] = ['input_ids', 'attention_mask'].map((name) =>
    builder.input(name, 'int64', ['batch', 'sequence']),
  );
  const sum = op.Cast(op.ReduceSum(op.Mul(ids!, mask!), builder.ints(1), { keepdims: 1 }), { to: 1 });
  const rates = builder.initializer(
    'rates',
    float32(
      Array.from({ length: outputs }, (_, i) => turn * (i + 1)),
      [1, outputs],
    ),
  );
  let matrix = builder.initializer('matrix', float32(new Float32Array(300 * 300).fill(1e-3), [300, 300]));
  const first = matrix;
  // A factor of the rows keeps the product from being computed once for all.
  const none = op.Mul(op.ReduceMax(sum, builder.ints(0), { keepdims: 1 }), builder.scalar(0));
  matrix = op.Add(matrix, none);
  for (let i = 0; i < work; i++) matrix = op.MatMul(matrix, first);
  const nothing = op.Mul(op.ReduceMax(matrix, undefined, { keepdims: 0 }), builder.scalar(0));
  builder.output(op.Add(op.Sin(op.Mul(sum, rates)), nothing), 'logits');
  return modelOf(builder.graph);
}

/** Writes a model's folder in Hub layout: ONNX file, tokenizer, and a configuration where labels are given. */
export async function writeClassifier(folder: string, model: Model, labels?: readonly string[]): Promise<void> {
  await mkdir(path.join(folder, 'onnx'), { recursive: true });
  for (const name of ['tokenizer.json', 'tokenizer_config.json'])
    await cp(path.join(tokenizer, name), path.join(folder, name));
  await saveModel(model, path.join(folder, 'onnx/model.onnx'));
  if (labels === undefined) return;
  const id2label = Object.fromEntries(labels.map((label, i) => [i, label]));
  await writeFile(path.join(folder, 'config.json'), JSON.stringify({ model_type: 'bert', id2label }));
}

/** A data set laid out as GLUE on the Hub, all tasks, in JSON lines; the rows of the test splits have no labels. */
export async function writeGlue(folder: string): Promise<void> {
  const configs: string[] = [];
  for (const name of [...glue, 'mnli-mm', 'ax'] as const) {
    const task: Task = tasks[name];
    for (const split of ['validation', 'test'] as const) {
      if (name === 'ax' && split === 'validation') continue;
      const file = `${name}/${split}.jsonl`;
      await mkdir(path.join(folder, name), { recursive: true });
      await writeFile(path.join(folder, file), rowsOf(task, split));
      configs.push(`${task.dataset.config}\t${task.splits[split]}\t${file}`);
    }
  }
  const names = [...new Set(configs.map((line) => line.split('\t')[0]!))];
  const card = names.map((name) => {
    const files = configs.map((line) => line.split('\t')).filter(([config]) => config === name);
    return `- config_name: ${name}\n  data_files:\n${files.map(([, split, file]) => `  - {split: ${split}, path: ${file}}`).join('\n')}`;
  });
  await writeFile(path.join(folder, 'README.md'), `---\nconfigs:\n${card.join('\n')}\n---\n`);
}

const words = 'a charming and often affecting journey through the unflinchingly bleak desperate night'.split(' ');

function rowsOf(task: Task, split: 'validation' | 'test'): string {
  const classes = task.labels === 'score' ? 6 : task.labels.length;
  const text = (i: number, of: number): string =>
    Array.from({ length: 1 + ((i * 7 + of) % 11) }, (_, j) => words[(i * 3 + j * of + i * j) % words.length]).join(' ');
  return Array.from({ length: ROWS[split] }, (_, i) => {
    const texts = Object.fromEntries(task.sentences.map((column, of) => [column, text(i, of + 1)]));
    const label =
      split === 'test'
        ? -1
        : task.labels === 'score'
          ? ((i * 5) % classes) + 0.25
          : (((i + 1) * 40503 * 65537) >>> 9) % classes;
    return `${JSON.stringify({ ...texts, label, idx: i })}\n`;
  }).join('');
}
