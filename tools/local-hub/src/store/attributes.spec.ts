import { expect, test } from 'vitest';
import { defaultAttributes, isLfs } from './attributes.js';

test.each([
  ['model.safetensors', 5, defaultAttributes, true],
  ['deep/down/model.onnx', 5, defaultAttributes, true],
  ['run/events.out.tfevents.1', 5, defaultAttributes, true],
  ['saved_model/a/b', 5, defaultAttributes, true],
  ['other/saved_model/a', 5, defaultAttributes, false],
  ['config.json', 5, defaultAttributes, false],
  ['onnx', 5, defaultAttributes, false],
  ['empty.onnx', 0, defaultAttributes, false],
  ['big.json', 10 * 1024 * 1024 + 1, '', true],
  ['model.onnx', 5, '# *.onnx filter=lfs\n*.onnx text', false],
  ['a/b.dat', 5, '/a/*.dat filter=lfs -text', true],
  ['x/a/b.dat', 5, '/a/*.dat filter=lfs -text', false],
])('%s of %i bytes', (path, size, attributes, expected) => {
  expect(isLfs(path, size, attributes)).toBe(expected);
});
