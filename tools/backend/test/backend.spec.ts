import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { allCases } from '../src/cases.js';
import { missingData, root } from '../src/data.js';
import { documentOf } from '../src/document.js';
import type { Finding } from '../src/examine.js';
import { examineAll } from '../src/run.js';
import { failsLift, failsRoundTrip, type Shortfalls, shortfallsOf, summarize } from '../src/summary.js';

const LIMITS = path.join(root, 'tools/backend/limits.json');
const DOCUMENT = path.join(root, 'docs/results/onnx-backend.md');
const full = process.env.NEUROPRUNE_CHECK === 'full';
const limits: Shortfalls = JSON.parse(readFileSync(LIMITS, 'utf8'));
const missing = await missingData();
if (missing) console.warn(`ONNX backend tests are skipped: ${missing}`);

/** As many tests as the issue of this package counts that ONNX Runtime 1.30 passes by itself. */
const AT_LEAST = 1480;

const named = (findings: readonly Finding[], what: (f: Finding) => unknown) =>
  findings.flatMap((f) => (what(f) ? [`${f.id}: ${what(f)}`] : []));

function smaller(found: Shortfalls): Shortfalls {
  const entries = Object.entries(limits).map(([key, value]) => [key, Math.min(value, found[key as keyof Shortfalls])]);
  return Object.fromEntries(entries) as unknown as Shortfalls;
}

function writeResults(findings: readonly Finding[]): void {
  const runtime = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };
  const setting = {
    date: new Date().toISOString().slice(0, 10),
    machine: `${os.cpus()[0]?.model.trim()}, ${os.cpus().length} cores`,
    node: process.versions.node,
    runtime: runtime.version,
  };
  writeFileSync(DOCUMENT, documentOf(findings, setting));
  writeFileSync(LIMITS, `${JSON.stringify(smaller(shortfallsOf(findings)), null, 2)}\n`);
}

describe.skipIf(missing)('the official ONNX backend tests', () => {
  let findings: readonly Finding[] = [];

  beforeAll(async () => {
    findings = await examineAll(allCases(), { run: true, inner: full });
  }, 300_000);

  test(`ONNX Runtime passes at least ${AT_LEAST}, and passes them again after read → write`, () => {
    expect(summarize(findings).passes).toBeGreaterThanOrEqual(AT_LEAST);
    expect(named(findings.filter(failsRoundTrip), (f) => f.written ?? 'not read')).toEqual([]);
  });

  test('all of operator sets 11 to 25 pass in set 23, but for element types that it lacks', () => {
    expect(named(findings.filter(failsLift), (f) => f.lifted)).toEqual([]);
    expect(summarize(findings).lifted).toBeGreaterThan(1400);
  });

  test('few are unsteady', () => {
    expect(findings.filter((f) => f.unsteady).length).toBeLessThanOrEqual(3);
  });

  test('what is written reads back to the same bytes, and its text to the same model', () => {
    expect(named(findings, (f) => f.bytes)).toEqual([]);
    expect(named(findings, (f) => f.text)).toEqual([]);
  });

  test('no claim of inference is wrong', () => {
    expect(named(findings, (f) => f.claims?.wrong[0])).toEqual([]);
    expect(named(findings, (f) => f.inner?.wrong[0])).toEqual([]);
    expect(summarize(findings).compared).toBeGreaterThan(2000);
  });

  test.each(Object.keys(limits) as (keyof Shortfalls)[])('%s only shrinks', (key) => {
    expect(shortfallsOf(findings)[key]).toBeLessThanOrEqual(limits[key]);
  });

  test.runIf(full)('the results are written', () => {
    expect(summarize(findings).inner).toBeGreaterThan(2000);
    writeResults(findings);
  });
});
