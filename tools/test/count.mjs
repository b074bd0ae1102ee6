/** @typedef {{ passed: number, failed: number, skipped: number }} Count */

/** The closing line of every runner: `12 passed, 0 failed, 1 skipped`. @param {Count} count */
export function countLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

/** @param {readonly Count[]} counts @returns {Count} */
export function sum(counts) {
  const total = (/** @type {keyof Count} */ key) => counts.reduce((all, count) => all + count[key], 0);
  return { passed: total('passed'), failed: total('failed'), skipped: total('skipped') };
}

/**
 * Count of a vitest run from its JSON report and exit code. A file that fails before its first test, and a run that
 * fails without a failed test, count as one failure each; todo tests count as skipped.
 * @param {any} report @param {number | null} exitCode @returns {Count}
 */
export function vitestCount(report, exitCode) {
  const broken = (report?.testResults ?? []).filter(
    (file) => file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed'),
  ).length;
  const failed = (report?.numFailedTests ?? 0) + broken;
  return {
    passed: report?.numPassedTests ?? 0,
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    skipped: (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0),
  };
}
