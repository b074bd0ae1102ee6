export { padBatch } from './batch.js';
export type { BatchLog } from './batch-log.js';
export { openBatchLog } from './batch-log.js';
export type { EpochOptions, EvaluationBatch, TokenCounts } from './batches.js';
export { bucketEnds, epochBatches, evaluationBatches, rowLengths, tokenCounts } from './batches.js';
export type { DatasetRequest, DatasetSource } from './dataset-task.js';
export { datasetName, datasetRecipe, datasetTask } from './dataset-task.js';
export type { DataBlock, DataRow, EncodedRow, EncodedRows, RowList } from './encode.js';
export { encode, encodeBlocks } from './encode.js';
export { EvaluateError } from './error.js';
export type { Predict, Prediction, ScoreEvent, ScoreOptions, TaskScore } from './evaluate.js';
export { metricOptions, scoreTask, taskMetrics } from './evaluate.js';
export type { WrittenText } from './generate/batch-search.js';
export type { GenerateOptions, Generation, GenerationEvent, Generator } from './generate/generator.js';
export { loadGenerator } from './generate/generator.js';
export type { GenerationSettings } from './generate/settings.js';
export { alignLabels } from './labels.js';
export type { List } from './list.js';
export type { AccuracyOptions } from './metrics/accuracy.js';
export type { BleuOptions } from './metrics/bleu/bleu.js';
export { bleuScore } from './metrics/bleu/bleu.js';
export type { BleuScore, BleuSmoothing } from './metrics/bleu/bleu-score.js';
export type { BleuTokenizer } from './metrics/bleu/tokenizers.js';
export type { ChrfOptions } from './metrics/chrf/chrf.js';
export type { ClassAverageOptions, F1Average } from './metrics/class-average.js';
export type { ExactMatchOptions } from './metrics/exact-match.js';
export type { MetricFacts } from './metrics/metric-facts.js';
export { metricFacts } from './metrics/metric-facts.js';
export type {
  Metric,
  MetricKey,
  MetricName,
  TextMetricFunction,
  TextMetricKey,
  TextMetricName,
} from './metrics/metrics.js';
export { labelMetrics, metrics, textMetrics } from './metrics/metrics.js';
export type { Values, WarningOptions, WeightOptions } from './metrics/pairs.js';
export type { CorrelationOptions, CorrelationPValue } from './metrics/pearson.js';
export type { PerplexityWindow } from './metrics/perplexity.js';
export { slidingWindows } from './metrics/perplexity.js';
export type { RougeKey, RougeOptions, RougeValue } from './metrics/rouge/rouge.js';
export { rougeScore } from './metrics/rouge/rouge.js';
export { METRICS_VERSION } from './metrics/signature.js';
export type { TerOptions } from './metrics/ter/ter.js';
export type { TerTokenOptions } from './metrics/ter/tokenize.js';
export type { References, Signed, Texts } from './metrics/text-pairs.js';
export type { PackingOptions } from './packing.js';
export { packedBatches, packLength } from './packing.js';
export { findPredictions, keepPredictions, writePredictions } from './predictions.js';
export type { RowStats } from './row-stats.js';
export { statsOf } from './row-stats.js';
export { inPieces } from './row-windows.js';
export type { ScoreRowsOptions } from './score-rows.js';
export { labelledMetrics, scoreRows } from './score-rows.js';
export type { SessionPredict } from './session-predict.js';
export { sessionPredict } from './session-predict.js';
export type { Interval, ResamplingOptions } from './statistics/confidence.js';
export { confidenceIntervals } from './statistics/confidence.js';
export type { PairedInput, PairedMethod, PairedOptions, PairedResult, PairedValue } from './statistics/paired.js';
export { pairedTest } from './statistics/paired.js';
export type { OptionsOf, PairsOf, ResampledMetric, Resampler } from './statistics/resampler.js';
export { resampler } from './statistics/resampler.js';
export type { Spread } from './statistics/spread.js';
export { spread } from './statistics/spread.js';
export type { SubmissionFile } from './submission.js';
export { submissionFile } from './submission.js';
export { HELD_OUT, holdOut, subset } from './subset.js';
export type { Recipe, Task, TaskName } from './tasks.js';
export { glue, outputCount, resolveTasks, tasks } from './tasks.js';
export type { TokenCacheEvent, TokenCacheOptions } from './token-cache.js';
export { tokenKey, tokenRows } from './token-cache.js';
export type { TokenFile, TokenFileFacts } from './token-file.js';
export type { TextTokenizer, TokenIds } from './tokenize.js';
export { loadTokenizer } from './tokenize.js';
