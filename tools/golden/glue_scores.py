"""Scores a classifier's folder on tasks of GLUE with transformers and scikit-learn, as the official scripts do.

usage: python3 glue_scores.py DATA TASK=MODEL_FOLDER...

DATA is a folder laid out as nyu-mll/glue on the Hub. Prints {task: {metric: value, ...}} as JSON: a batch of 32 rows, padded to
its longest, cut at 128 tokens, float32. Run with torch 2.5.1, transformers 4.57.1, scikit-learn and scipy.
"""

import json
import sys
from pathlib import Path

import pyarrow.parquet
import torch
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef
from transformers import AutoModelForSequenceClassification, AutoTokenizer

PAIR = ("sentence1", "sentence2")
COLUMNS = {"cola": ("sentence",), "sst2": ("sentence",), "mrpc": PAIR, "stsb": PAIR, "rte": PAIR, "wnli": PAIR}


def accuracy(predicted, labels):
    return {"accuracy": accuracy_score(labels, predicted)}


METRICS = {
    "cola": lambda predicted, labels: {"matthews_correlation": matthews_corrcoef(labels, predicted)},
    "sst2": accuracy,
    "mrpc": lambda predicted, labels: {**accuracy(predicted, labels), "f1": f1_score(labels, predicted)},
    "stsb": lambda predicted, labels: {
        "pearson": pearsonr(predicted, labels)[0],
        "spearmanr": spearmanr(predicted, labels)[0],
    },
    "rte": accuracy,
    "wnli": accuracy,
}


def rows_of(data, task):
    tables = [pyarrow.parquet.read_table(file) for file in sorted((data / task).glob("validation-*.parquet"))]
    return [row for table in tables for row in table.to_pylist()]


@torch.inference_mode()
def scores(data, task, folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    rows = rows_of(data, task)
    predicted = []
    for start in range(0, len(rows), 32):
        batch = rows[start : start + 32]
        texts = [[row[column] for row in batch] for column in COLUMNS[task]]
        encoded = tokenizer(*texts, truncation=True, max_length=128, padding=True, return_tensors="pt")
        logits = model(**encoded).logits
        predicted += (logits[:, 0] if task == "stsb" else logits.argmax(dim=-1)).tolist()
    values = METRICS[task](predicted, [row["label"] for row in rows])
    return {name: float(value) for name, value in values.items()}


def main():
    data = Path(sys.argv[1])
    pairs = [argument.split("=", 1) for argument in sys.argv[2:]]
    json.dump({task: scores(data, task, folder) for task, folder in pairs}, sys.stdout)


if __name__ == "__main__":
    main()
