"""Evaluates a classifier on SST-2's validation rows in PyTorch with dynamic padding, for bench/evaluate.mjs.

usage: python3 torch_evaluate.py MODEL_FOLDER DATA_FOLDER THREADS [--sorted]

The weights are the safetensors beside the ONNX file. What is timed is what
bench/evaluate.mjs times. Rows come in their own order, in batches of 32 padded to their longest; --sorted sorts them by length.
"""

import json
import os
import sys
import time
from pathlib import Path

import numpy
import pyarrow.parquet
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer


@torch.inference_mode()
def score(model, tokenizer, file, by_length):
    table = pyarrow.parquet.read_table(file, columns=["sentence", "label"])
    texts, labels = table["sentence"].to_pylist(), numpy.array(table["label"].to_pylist())
    order = list(range(len(texts)))
    if by_length:
        lengths = [len(ids) for ids in tokenizer(texts, truncation=True, max_length=128)["input_ids"]]
        order.sort(key=lengths.__getitem__)
    predicted = numpy.zeros(len(texts), dtype=int)
    for start in range(0, len(order), 32):
        rows = order[start : start + 32]
        encoded = tokenizer(
            [texts[i] for i in rows], truncation=True, max_length=128, padding=True, return_tensors="pt"
        )
        predicted[rows] = model(**encoded).logits.argmax(dim=-1).numpy()
    return len(texts), float((predicted == labels).mean())


def main():
    folder, data, threads = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    (file,) = data.glob("validation-*.parquet")
    clock, processor = time.perf_counter(), os.times()
    examples, accuracy = score(model, tokenizer, file, "--sorted" in sys.argv)
    seconds, after = time.perf_counter() - clock, os.times()
    used = after.user - processor.user + after.system - processor.system
    json.dump({"seconds": seconds, "processor": used, "examples": examples, "accuracy": accuracy}, sys.stdout)


if __name__ == "__main__":
    main()
