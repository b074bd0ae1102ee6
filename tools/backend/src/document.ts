import { ONNX_VERSION } from './data.js';
import type { Finding } from './examine.js';
import { byKind, byOperator, failsLift, failsRoundTrip, type Summary } from './summary.js';

/** Where and when the tests were run. */
export interface Setting {
  readonly date: string;
  readonly machine: string;
  readonly node: string;
  readonly runtime: string;
}

const integer = (value: number): string => value.toLocaleString('en-US');

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, i) => Math.max(3, ...[head, ...rows].map((row) => (row[i] ?? '').length)));
  const line = (cells: readonly string[]) => `| ${cells.map((c, i) => c.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((w) => '-'.repeat(w))), ...rows.map(line)].join('\n');
}

const columns: readonly (readonly [head: string, count: (s: Summary) => number])[] = [
  ['tests', (s) => s.tests],
  ['ONNX Runtime passes', (s) => s.passes],
  ['with adapters', (s) => s.adapted],
  ['unsteady', (s) => s.unsteady],
  ['pass after read → write', (s) => s.roundTrips],
];
const lifting: typeof columns = [
  ['of sets 11 to 25, passed by ONNX Runtime', (s) => s.liftable],
  ['pass in set 23', (s) => s.lifted],
];
const structure: typeof columns = [
  ['tests', (s) => s.tests],
  ['same bytes again', (s) => s.stable],
  ['same meaning', (s) => s.kept],
  ['print → parse', (s) => s.text],
];
const inference: typeof columns = [
  ['tests', (s) => s.tests],
  ['type and rank of all outputs', (s) => s.claimed],
  ['and all dimensions', (s) => s.whole],
  ['tensors compared', (s) => s.compared],
  ['inner tensors compared', (s) => s.inner],
];

const kindTable = (findings: readonly Finding[], of: typeof columns): string =>
  table(
    ['kind', ...of.map(([head]) => head)],
    [...byKind(findings)].map(([kind, summary]) => [kind, ...of.map(([, count]) => integer(count(summary)))]),
  );

/** Names of element types by their code in `TensorProto.DataType`. */
const elementTypes: Readonly<Record<string, string>> = {
  ...{ 16: 'bfloat16', 17: 'float8e4m3fn', 18: 'float8e4m3fnuz', 19: 'float8e5m2', 20: 'float8e5m2fnuz' },
  ...{ 21: 'uint4', 22: 'int4', 23: 'float4e2m1', 24: 'float8e8m0', 25: 'uint2', 26: 'int2' },
};

const withName = (reason: string): string =>
  reason.replace(/element type (\d+)/, (_, code) => elementTypes[code] ?? code);

function countBy(texts: readonly string[]): string[][] {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).map(([text, n]) => [text, integer(n)]);
}

/** What keeps ONNX Runtime from passing a test, without what is particular to it. */
function cause(failure: string): string {
  const kernel = /Could not find an implementation for (\w+)|Failed to find kernel for (\w+)/.exec(failure);
  if (kernel) return `no kernel for the element type or operator: ${kernel[1] ?? kernel[2]}`;
  const unregistered = /([\w.]+):(\w+)\(-?\d+\) is not a registered/.exec(failure);
  if (unregistered) return `operator not registered: ${unregistered[1]}.${unregistered[2]}`;
  if (/expected .* got /.test(failure)) return 'other values than recorded';
  return failure === 'crash' ? 'crash' : 'refused when the session is made or run';
}

const section = (title: string, rows: readonly (readonly [string, readonly string[]])[]): string =>
  rows.length === 0
    ? `${title}: none.`
    : [`${title}:\n`, ...rows.map(([op, ids]) => `- ${op} (${ids.length}): ${ids.join(', ')}`)].join('\n');

const named = (title: string, findings: readonly Finding[], what: (f: Finding) => string | undefined | null): string =>
  section(
    title,
    findings.flatMap((f) => (what(f) ? [[`${what(f)}`, [f.id]] as const] : [])),
  );

function roundTrip(findings: readonly Finding[]): string {
  const all = byKind(findings).get('all') as Summary;
  const run = findings.filter((f) => f.original === undefined);
  const unsteady = findings.flatMap((f) => (f.unsteady ? [f.id] : [])).join(', ') || 'none in this run';
  return `## Round trip

Of ${integer(all.tests)} tests ONNX Runtime gives the recorded outputs of ${integer(all.passes)}, within the tolerances of ONNX's own runner
(relative 1e-3, absolute 1e-7). Read with \`readModel\` and written with \`writeModel\`, ${integer(all.roundTrips)} give them again.

${kindTable(findings, columns)}

A test is unsteady when the file as it is fails at times; so did node/test_quantizelinear_blocked_symmetric in one of the
first runs. Where the written file fails, the file as it is is run twenty times more. Found so: ${unsteady}.

${named('Pass as they are, not after read → write', findings.filter(failsRoundTrip), (f) => f.written)}

### Adapters

Node's binding of ONNX Runtime takes and gives tensors of thirteen element types. For the other tests, adapters stand
around the model, the same around the file as it is and the written one: inputs become initializers, packed into
sequences and optionals; outputs are unpacked, and cast to float32 in ONNX Runtime as the recorded ones are. So more
tests run than with the Python binding, which turns away what NumPy has no type for: with onnxruntime 1.30.0 for Python
and the same tolerances 1,509 pass, all of them here too.

${table(['why (a test may have several reasons)', 'tests that pass'], countBy(run.flatMap((f) => f.adapters.map(withName))))}

### Not passed by ONNX Runtime

${table(['why', 'tests'], countBy(findings.flatMap((f) => (f.original ? [cause(f.original)] : []))))}
`;
}

const lifted = (findings: readonly Finding[]): string => `## Lift

Models of operator sets 11 to 25 are taken to 23 with \`lift\`, written, and run on the recorded inputs. Refused are those
with element types that set 23 lacks (int2, uint2, float8e8m0); the error names the node.

${kindTable(findings, lifting)}

${named('Other models that do not pass in set 23', findings.filter(failsLift), (f) => f.lifted)}
`;

const meaning = (findings: readonly Finding[]): string => `## Structure

Over all tests, also those that ONNX Runtime does not pass. *Same bytes again*: read → write → read → write.
*Same meaning*: every field of the file is in the written one with the same value, decoded apart from the package;
files of a format before IR version 4 are taken to version 4. *print → parse*: the text gives the same model.

${kindTable(findings, structure)}

${named('Not read', findings, (f) => f.read)}

${section(
  'Not the same meaning',
  byOperator(findings, (f) => (f.kept ? [f.kept] : [])),
)}
`;

const claims = (findings: readonly Finding[]): string => `## Inference

What the file declares of values that nodes make is forgotten, then inferred. Every claim is compared with what the file
declares and with the recorded values, once as the inputs are declared and once with a name for every axis of theirs,
which stands for its recorded size; inner tensors are compared with what ONNX Runtime makes of them. Of a sequence or
an optional, the element type is asked.

${kindTable(findings, inference)}

${named('Wrong claims', findings, (f) => [...(f.claims?.wrong ?? []), ...(f.inner?.wrong ?? [])][0])}

${section(
  'Models with an output without type or rank, by the operator at the root',
  byOperator(findings, (f) => f.claims?.unclaimed ?? []),
)}

A dimension that depends on the elements of an input (axes, sizes, scales that are fed, not stored) is not claimed.
Models with such an output, by the operator at the root:

${table(
  ['operator', 'models'],
  byOperator(findings, (f) => f.claims?.partial ?? []).map(([op, ids]) => [op, integer(ids.length)]),
)}
`;

/** The results as a document. */
export const documentOf = (
  findings: readonly Finding[],
  { date, machine, node, runtime }: Setting,
): string => `# The official ONNX backend tests

${date}. ${machine}. Node ${node}, onnxruntime-node ${runtime} (CPU), test data of the PyPI package onnx ${ONNX_VERSION}
(\`backend/test/data\`; \`real\` and \`light\` need downloads and are left out).

\`\`\`sh
node tools/backend/dist/fetch.js
NEUROPRUNE_CHECK=full npx vitest run tools/backend
\`\`\`

The second command writes this file. Without \`NEUROPRUNE_CHECK\` it runs the same tests except for inner tensors.

${[roundTrip, lifted, meaning, claims].map((part) => part(findings)).join('\n')}`;
