import { broadcastOf } from './elementwise.js';
import { type InferRule, intsAttribute, shapeAt } from './rule.js';

const RegexFullMatch: InferRule = (node) => [{ dtype: 'bool', shape: shapeAt(node, 0) }];

const StringConcat: InferRule = (node) => [
  { dtype: 'string', shape: broadcastOf(node.inputs.filter((v) => v !== undefined)) },
];

/** Stop words are taken out of the last axis. */
const StringNormalizer: InferRule = (node) => {
  const x = shapeAt(node, 0);
  return [{ dtype: 'string', shape: x && [...x.slice(0, -1), null] }];
};

const StringSplit: InferRule = (node) => {
  const x = shapeAt(node, 0);
  return [
    { dtype: 'string', shape: x && [...x, null] },
    { dtype: 'int64', shape: x },
  ];
};

const TfIdfVectorizer: InferRule = (node) => {
  const x = shapeAt(node, 0);
  const width = (intsAttribute(node, 'ngram_indexes') ?? []).reduce((a, b) => Math.max(a, b), -1) + 1;
  return [{ dtype: 'float32', shape: x && [...x.slice(0, -1), width] }];
};

/** Shape rules of operators on strings. */
export const text = {
  RegexFullMatch,
  StringConcat,
  StringNormalizer,
  StringSplit,
  TfIdfVectorizer,
} as const satisfies Record<string, InferRule>;
