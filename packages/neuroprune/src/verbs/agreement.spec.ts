import { expect, test } from 'vitest';
import { agreement } from './agreement.js';

const back = { repo: 'me/model', examples: 4, maxAbsDifference: 2e-6 };

test('says of logits how far they are apart, and of texts that they are the same', () => {
  expect(agreement({ ...back, compared: 'logits' })).toBe(
    "the published model's logits differ by at most 2.0e-6 over 4 rows",
  );
  expect(agreement({ ...back, maxAbsDifference: 0, compared: 'tokens' })).toBe(
    'the published model writes what its files wrote, token by token, for 4 texts',
  );
});
