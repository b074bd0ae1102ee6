import { strip } from '../python-text.js';
import { tokenizeWestern } from './tokenize-13a.js';

// sacreBLEU's ranges as they act. Its two beyond U+FFFF are written with four digits there ('\u20000' is U+2000 and a 0), so
// that they mean U+2001 to U+2A6D and U+2F81 to U+2FA1, and ideographs of the planes beyond stay together.
const chinese =
  /[\u3400-\u4db5\u4e00-\u9fa5\u9fa6-\u9fbb\uf900-\ufa2d\ufa30-\ufa6a\ufa70-\ufad9\u2001-\u2a6d\u2f81-\u2fa1\uff00-\uffef\u2e80-\u2eff\u3000-\u303f\u31c0-\u31ef\u2f00-\u2fdf\u2ff0-\u2fff\u3100-\u312f\u31a0-\u31bf\ufe10-\ufe1f\ufe30-\ufe4f\u2600-\u26ff\u2700-\u27bf\u3200-\u32ff\u3300-\u33ff]/g;

/** sacreBLEU's `zh`: every Chinese character is a token, the rest is split as `13a` does. */
export const tokenizeChinese = (line: string): string => tokenizeWestern(strip(line).replace(chinese, ' $& '));
