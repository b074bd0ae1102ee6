import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { summarize } from './budgets.js';
import { measurePackages } from './packages.js';
import { excesses, table } from './table.js';

const root = path.resolve(fileURLToPath(import.meta.url), '../../../..');
const packages = await measurePackages(root);
const all = (part: 'sources' | 'tests') => packages.flatMap((entry) => entry[part]);
const summaries = packages.map(({ name, sources, tests }) => summarize(name, sources, tests));
console.log(table([...summaries, summarize('all', all('sources'), all('tests'))]));

const notes = excesses(all('sources'));
console.log(notes.length === 0 ? '\nNo file, function or export stands out.' : `\n${notes.join('\n')}`);
