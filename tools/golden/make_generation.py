"""Texts written by transformers with every option of generation that NeuroPrune has, for a small trained encoder-decoder
(translation, rows of several lengths) and a small decoder (prompts of several lengths, padded on the left).

Usage: python make_generation.py --hub FOLDER --out ../../packages/evaluate/fixtures/generation.json
FOLDER has models/neuroprune-fixtures/t5-tiny-multi30k-de-en, models/karpathy/stories260K and datasets/multi30k.
Made with torch 2.5.1, transformers 4.57.1, pyarrow. A row is kept only where float64 writes the same tokens
without padding.
"""
import argparse
import json
import pathlib

import pyarrow.parquet as pq
import torch
import transformers as tf

T5 = [
    {},
    {"num_beams": 4},
    {"num_beams": 2},
    {"num_beams": 4, "length_penalty": 3.0},
    {"num_beams": 4, "length_penalty": 0.0},
    {"num_beams": 4, "length_penalty": -1.0},
    {"num_beams": 4, "early_stopping": True},
    {"num_beams": 4, "early_stopping": True, "length_penalty": 3.0},
    {"num_beams": 4, "early_stopping": "never", "length_penalty": 3.0},
    {"num_beams": 4, "early_stopping": "never", "length_penalty": -1.0},
    {"no_repeat_ngram_size": 1},
    {"no_repeat_ngram_size": 2, "num_beams": 4},
    {"min_new_tokens": 20},
    {"min_new_tokens": 20, "num_beams": 4},
    {"min_length": 20, "num_beams": 4},
    {"max_length": 8, "max_new_tokens": None},
    {"max_length": 8, "max_new_tokens": None, "num_beams": 4},
    {"max_new_tokens": None},
    {"max_new_tokens": 6, "forced_eos_token_id": 1},
    {"max_new_tokens": 6, "forced_eos_token_id": 1, "num_beams": 4},
    {"forced_bos_token_id": 100},
    {"forced_bos_token_id": 100, "num_beams": 4},
    {"repetition_penalty": 1.7},
    {"repetition_penalty": 1.7, "num_beams": 3},
    {"eos_token_id": [1, 12], "num_beams": 4},
    {"eos_token_id": [1, 12]},
    {"decoder_start_token_id": 5},
    {"bad_words_ids": "common", "num_beams": 4},
    {"bad_words_ids": "common"},
    {"suppress_tokens": "common", "num_beams": 4},
    {"begin_suppress_tokens": "first"},
    {"begin_suppress_tokens": "first", "num_beams": 4},
]
STORIES = [
    {},
    {"num_beams": 4},
    {"num_beams": 4, "length_penalty": 0.0, "early_stopping": True, "eos_token_id": 426},
    {"num_beams": 4, "length_penalty": 2.0, "early_stopping": "never", "eos_token_id": 426},
    {"num_beams": 3, "no_repeat_ngram_size": 3},
    {"no_repeat_ngram_size": 2},
    {"repetition_penalty": 1.3},
    {"eos_token_id": 426, "min_new_tokens": 20, "num_beams": 2},
    {"eos_token_id": 426},
]
PROMPTS = ["", "Once upon a time", "Tom and his dog went to", "The cat", "One day, it was raining and Ben was sad because he could not play"]


def new_tokens(sequence, start, ends):
    """What was written, up to and with the first ending token."""
    row = sequence[start:].tolist()
    cut = [i for i, token in enumerate(row) if token in ends]
    return row[: cut[0] + 1] if cut else row


def write(model, inputs, options, limit):
    start = 1 if model.config.is_encoder_decoder else inputs["input_ids"].shape[1]
    ends = options.get("eos_token_id", model.generation_config.eos_token_id)
    keys = {"max_new_tokens": limit, **options}
    with torch.no_grad():
        out = model.generate(**inputs, **{k: v for k, v in keys.items() if v is not None}, do_sample=False, output_scores=True, return_dict_in_generate=True)
    rows = [new_tokens(s, start, ends if isinstance(ends, list) else [ends]) for s in out.sequences]
    return rows, out.sequences_scores.tolist() if "sequences_scores" in out else None


def alone(inputs, i):
    """One row without padding."""
    kept = inputs["attention_mask"][i].bool()
    return {name: value[i][kept][None] for name, value in inputs.items()}


def cases(folder, kind, inputs, settings, limit, common):
    models = [kind.from_pretrained(folder, attn_implementation="eager", dtype=d).eval() for d in (torch.float32, torch.float64)]
    done = []
    for setting in settings:
        options = {k: common.get((k, v), v) if isinstance(v, str) else v for k, v in setting.items()}
        rows, scores = write(models[0], inputs, options, limit)
        double = [write(models[1], alone(inputs, i), options, limit)[0][0] for i in range(len(rows))]
        kept = [row if row == other else None for row, other in zip(rows, double)]
        done.append({"options": {**({"max_new_tokens": limit} if "max_new_tokens" not in options else {}), **{k: v for k, v in options.items() if v is not None}}, "rows": kept, **({"scores": scores} if scores else {})})
        print(kind.__name__, options, sum(r is None for r in kept), "dropped", sum(a != b for a, b in zip(rows, done[0]["rows"])), "differ")
    prompts = [ids[mask.bool()].tolist() for ids, mask in zip(inputs["input_ids"], inputs["attention_mask"])]
    return {"model": f"{folder.parent.name}/{folder.name}", "prompts": prompts, "cases": done}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--hub", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    tf.logging.set_verbosity_error()
    t5 = args.hub / "models/neuroprune-fixtures/t5-tiny-multi30k-de-en"
    tokenizer = tf.AutoTokenizer.from_pretrained(t5)
    table = pq.read_table(args.hub / "datasets/multi30k/task1-de-en/data/test-00000-of-00001.parquet").to_pylist()
    texts = [row["translation"]["de"] for row in table[50:62]]
    en = lambda word: tokenizer(word)["input_ids"][:-1]
    common = {
        ("bad_words_ids", "common"): [en("man"), en("a woman"), en("in the"), [1]],
        ("suppress_tokens", "common"): [*en("man"), *en("woman")],
        ("begin_suppress_tokens", "first"): en("A")[:1],
    }
    translation = cases(t5, tf.T5ForConditionalGeneration, tokenizer(texts, padding=True, return_tensors="pt"), T5, 40, common)
    stories = args.hub / "models/karpathy/stories260K"
    tokenizer = tf.AutoTokenizer.from_pretrained(stories, padding_side="left")
    tokenizer.pad_token = tokenizer.eos_token
    inputs = tokenizer(PROMPTS, padding=True, return_tensors="pt", return_token_type_ids=False)
    story = cases(stories, tf.LlamaForCausalLM, inputs, STORIES, 40, {})
    made = {"torch": torch.__version__.split("+")[0], "transformers": tf.__version__}
    text = json.dumps({"made_with": made, "models": [translation, story]})
    args.out.write_text(text.replace('{"options"', '\n{"options"') + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
