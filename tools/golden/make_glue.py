"""Writes packages/neuroprune/fixtures/glue: heads fine-tuned on the encoder bert-micro-uncased of this repository, and what
transformers, scikit-learn and scipy make of them on the validation rows of GLUE.

  two.safetensors     pooler and classifier of two classes, trained on rows of SST-2, CoLA, MRPC, RTE and WNLI
  score.safetensors   of STS-B
  three.safetensors   of three classes, trained on rows of SNLI
  golden.json         for each task the rows, the metrics, and the class of every row as a digit (STS-B: scores to 4 digits)

MNLI matched and QQP are samples. The mismatched split and AX have no rows here: 300 test rows of SNLI stand for each, the
same columns and classes.

Needs torch 2.5.1, transformers 4.57.1, scikit-learn 1.9.1, scipy 1.17.1, pyarrow; no network, no GPU.
Usage: python tools/golden/make_glue.py DATASETS     a folder with nyu-mll/glue and stanfordnlp/snli as on the Hub
"""

import json
import pathlib
import sys

import pyarrow.parquet as pq
import scipy
import sklearn
import torch
import transformers as tf
from safetensors.torch import save_file
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENCODER = ROOT / "fixtures/hub/models/neuroprune/bert-micro-uncased"
OUT = ROOT / "packages/neuroprune/fixtures/glue"
DATA = pathlib.Path(sys.argv[1])

PAIR = ("sentence1", "sentence2")
TWO = {"sst2": ("sentence",), "cola": ("sentence",), "mrpc": PAIR, "rte": PAIR, "wnli": PAIR}
COLUMNS = {**TWO, "stsb": PAIR, "qqp": ("question1", "question2"), "mnli": ("premise", "hypothesis"),
           "mnli-mm": ("premise", "hypothesis"), "ax": ("premise", "hypothesis"), "snli": ("premise", "hypothesis")}
accuracy = lambda p, y: {"accuracy": accuracy_score(y, p)}
matthews = lambda p, y: {"matthews_correlation": matthews_corrcoef(y, p)}
with_f1 = lambda p, y: {**accuracy(p, y), "f1": f1_score(y, p)}
METRICS = {"sst2": accuracy, "cola": matthews, "mrpc": with_f1, "rte": accuracy, "wnli": accuracy, "qqp": with_f1, "mnli": accuracy,
           "mnli-mm": accuracy, "ax": matthews, "stsb": lambda p, y: {"pearson": pearsonr(p, y)[0], "spearmanr": spearmanr(p, y)[0]}}
HEAD = ("bert.pooler.dense.weight", "bert.pooler.dense.bias", "classifier.weight", "classifier.bias")


def table(name):
    return [row for row in pq.read_table(DATA / name).to_pylist() if row["label"] != -1]


def glue(task, split):
    return table(f"nyu-mll/glue/{task}/{split}-00000-of-00001.parquet")


def snli():
    return table("stanfordnlp/snli/plain_text/test-00000-of-00001.parquet")


def encoded(tok, rows, task):
    columns = COLUMNS[task]
    for start in range(0, len(rows), 32):
        batch = rows[start : start + 32]
        yield tok(*[[r[c] for r in batch] for c in columns], truncation=True, max_length=128, padding=True, return_tensors="pt")


def trained(name, labels, parts, tok):
    """Pooler and classifier, trained on what the encoder makes of the first token."""
    torch.manual_seed(0)
    model = tf.AutoModelForSequenceClassification.from_pretrained(ENCODER, num_labels=labels).eval()
    with torch.inference_mode():
        x = torch.cat([model.bert.encoder(model.bert.embeddings(**{k: b[k] for k in ("input_ids", "token_type_ids")}),
                                          attention_mask=model.get_extended_attention_mask(b["attention_mask"], b["input_ids"].shape))[0][:, 0]
                       for task, rows in parts.items() for b in encoded(tok, rows, task)])
    x, y = x.clone(), torch.tensor([r["label"] for rows in parts.values() for r in rows])
    head = torch.nn.ModuleList([model.bert.pooler, model.classifier])
    optimizer = torch.optim.AdamW(head.parameters(), lr=2e-3)
    for step in range(600):
        at = torch.randint(len(y), (64,))
        logits = model.classifier(torch.tanh(model.bert.pooler.dense(x[at])))
        loss = torch.nn.functional.mse_loss(logits[:, 0], y[at].float()) if labels == 1 else torch.nn.functional.cross_entropy(logits, y[at])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(name, "loss", loss.item())
    save_file({k: v.contiguous() for k, v in model.state_dict().items() if k in HEAD}, OUT / f"{name}.safetensors")
    return model


@torch.inference_mode()
def scored(model, tok, task, rows):
    logits = torch.cat([model(**batch).logits for batch in encoded(tok, rows, task)])
    predicted = (logits[:, 0] if task == "stsb" else logits.argmax(-1)).tolist()
    values = METRICS[task](predicted, [r["label"] for r in rows])
    shown = [round(p, 4) for p in predicted] if task == "stsb" else "".join(map(str, predicted))
    return {"rows": len(rows), "metrics": {k: float(v) for k, v in values.items()}, "predictions": shown}


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    tf.logging.set_verbosity_error()
    tok = tf.AutoTokenizer.from_pretrained(ENCODER)
    two = trained("two", 2, {t: glue(t, "train")[:800] for t in TWO}, tok)
    score = trained("score", 1, {"stsb": glue("stsb", "train")[:3000]}, tok)
    three = trained("three", 3, {"snli": table("stanfordnlp/snli/plain_text/validation-00000-of-00001.parquet")}, tok)
    tasks = {t: scored(two, tok, t, glue(t, "validation")) for t in [*TWO, "qqp"]}
    tasks["stsb"] = scored(score, tok, "stsb", glue("stsb", "validation"))
    tasks["mnli"] = scored(three, tok, "mnli", glue("mnli", "validation_matched"))
    tasks["mnli-mm"] = scored(three, tok, "mnli-mm", snli()[:300])
    tasks["ax"] = scored(three, tok, "ax", snli()[300:600])
    versions = {"torch": torch.__version__.split("+")[0], "transformers": tf.__version__, "scikit-learn": sklearn.__version__, "scipy": scipy.__version__}
    (OUT / "golden.json").write_text(json.dumps({"made_with": versions, "tasks": tasks}, indent=1) + "\n")
    print({t: (v["rows"], v["metrics"]) for t, v in tasks.items()})


if __name__ == "__main__":
    main()
