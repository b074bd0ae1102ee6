/** @typedef {import('@neuroprune/report').RunResult} RunResult */

const integer = (/** @type {number} */ value) => Math.round(value).toLocaleString('en-US');
const percent = (/** @type {number} */ value) => `${(100 * value).toFixed(1)} %`;
const milliseconds = (/** @type {number} */ value) => `${value.toPrecision(3)} ms`;
const difference = (/** @type {number} */ value) => (value === 0 ? '0' : value.toExponential(1));

/**
 * What the run won and whether it held, then where the time went.
 * @param {RunResult} run @param {readonly {type: string, stage?: string, seconds?: number}[]} events
 */
export function quickstartTable(run, events) {
  const { sparsity, heads, parameters, bytes, latency, proof, published, readBack } = run;
  const scores = run.evaluation.flatMap(({ task, metrics, dense }) =>
    Object.entries(metrics).map(([name, value]) => [
      `${task} ${name}`,
      percent(dense?.[name] ?? Number.NaN),
      percent(value),
    ]),
  );
  const times = events.filter(({ type }) => type === 'stage');
  return [
    ...columns([
      ['', 'dense', 'sparse'],
      ...scores,
      ['zeros in the prunable matrices', '0.0 %', percent(sparsity.reached)],
      ['attention heads', integer(heads.total), integer(heads.kept)],
      ['parameters', integer(parameters.dense), integer(parameters.compact)],
      ['bytes of the ONNX file', integer(bytes.dense), integer(bytes.compact)],
      ...latency.map(({ batch, length, denseMs, compactMs }) => [
        `latency, batch ${batch} × ${length} tokens`,
        milliseconds(denseMs),
        milliseconds(compactMs),
      ]),
    ]),
    '',
    `proof: largest difference of a logit, zeros kept against cut out: ${difference(proof.maxAbsDifference)} (${integer(proof.examples)} rows)`,
    `read back from ${published?.repo} with transformers.js: ${difference(readBack?.maxAbsDifference ?? Number.NaN)} (${readBack?.examples} rows)`,
    '',
    ...columns([['stage', 'seconds'], ...times.map(({ stage, seconds }) => [stage ?? '', (seconds ?? 0).toFixed(1)])]),
  ].join('\n');
}

/** Rows as lines, the first column to the left and the others to the right. @param {string[][]} rows */
function columns(rows) {
  const width = (/** @type {number} */ column) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const widths = (rows[0] ?? []).map((_, column) => width(column));
  return rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('   '),
  );
}
