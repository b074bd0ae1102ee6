"""Translates Multi30k's test rows in PyTorch, for bench/generate.mjs.

usage: python3 torch_generate.py MODEL_FOLDER DATA_FOLDER ROWS BEAMS THREADS

The weights are the safetensors of the folder. What is timed, batches and lengths are those of bench/generate.mjs.
"""

import json
import sys
import time
from pathlib import Path

import pyarrow.parquet
import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer


@torch.inference_mode()
def write(model, tokenizer, texts, beams):
    lengths = [len(ids) for ids in tokenizer(texts, truncation=True, max_length=64)["input_ids"]]
    order = sorted(range(len(texts)), key=lambda i: -lengths[i])
    count = 0
    for start in range(0, len(order), 32):
        batch = [texts[i] for i in order[start : start + 32]]
        encoded = tokenizer(batch, truncation=True, max_length=64, padding=True, return_tensors="pt")
        ids = {name: encoded[name] for name in ("input_ids", "attention_mask")}
        written = model.generate(**ids, max_new_tokens=48, num_beams=beams, do_sample=False)
        for row in written[:, 1:].tolist():
            end = model.generation_config.eos_token_id
            count += row.index(end) + 1 if end in row else len(row)
        tokenizer.batch_decode(written, skip_special_tokens=True)
    return count


def main():
    folder, data, rows, beams, threads = Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:6])
    torch.set_num_threads(threads)
    model, tokenizer = AutoModelForSeq2SeqLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    (file,) = (data / "data").glob("test-*.parquet")
    texts = [row["translation"]["de"] for row in pyarrow.parquet.read_table(file).to_pylist()][:rows]
    write(model, tokenizer, texts[:32], beams)
    clock = time.perf_counter()
    count = write(model, tokenizer, texts, beams)
    json.dump({"seconds": time.perf_counter() - clock, "newTokens": count}, sys.stdout)


if __name__ == "__main__":
    main()
