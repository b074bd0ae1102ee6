import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** Version of this package. */
export const version: string = require('../package.json').version;
