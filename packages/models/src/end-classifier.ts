import { codeOf, type Value } from '@neuroprune/onnx';
import type { TokenInputs } from './architecture.js';
import { classifier } from './classifier.js';
import { type DecoderInputs, type EncoderInputs, type EncoderOutput, lastTokens, positionsOf } from './generation.js';
import { tokenShape } from './layers.js';
import type { Params } from './params.js';

/** What is particular to an encoder-decoder that classifies. */
export interface EndClassifier {
  readonly width: number;
  readonly labels: number;
  readonly dropout: number;
  /** Id of the end of a text. */
  readonly end: number;
  /** Id that the decoder starts from. */
  readonly start: number;
  /** Hidden states of the text's tokens. [B·S, D] */
  readonly encode: (inputs: EncoderInputs) => Value;
  /** Hidden states of the tokens that the decoder reads. [B·S, D] */
  readonly decode: (inputs: DecoderInputs, source: EncoderOutput) => Value;
}

/**
 * Classes of a text that the encoder reads and the decoder reads again, behind a start: from the last end of text
 * (transformers `BartForSequenceClassification`, `T5ForSequenceClassification`, `shift_tokens_right`). [B, labels]
 */
export function classifyByEnd(p: Params, { inputIds, attentionMask }: TokenInputs, of: EndClassifier): Value {
  const { op, builder } = p;
  const rows = of.encode({ inputIds, attentionMask });
  const source = { rows, shape: tokenShape(builder, inputIds), mask: attentionMask };
  const batch = op.Shape(inputIds, { start: 0, end: 1 });
  const column = op.Concat([batch, builder.ints(1)], { axis: 0 });
  const start = op.Expand(builder.scalar(of.start, 'int64'), column);
  // A look-up, unlike a cut, is known to be as long as the text.
  const shifted = op.Gather(op.Concat([start, inputIds], { axis: 1 }), positionsOf(builder, inputIds), { axis: 1 });
  const h = of.decode({ inputIds: shifted }, source);
  const ends = op.Cast(op.Equal(inputIds, of.end), { to: codeOf('int64') });
  const { width, labels, dropout } = of;
  const sizes = { width, labels, activation: 'tanh', dropout } as const;
  return classifier(p, lastTokens(builder, h, ends), sizes, 'classification_head');
}
