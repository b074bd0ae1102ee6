"""Runs a recipe written by export-recipe.mjs in PyTorch, eager: NeuroPrune `threshold` (joint, gamma 1) and scores it.

usage: python3 torch_recipe.py FOLDER SPARSITY THREADS REFERENCE_FOLDER [STEPS]
REFERENCE_FOLDER holds neuroprune_torch.py, whose scores, ramp and exact trim are used; the last argument cuts the run short.
Prints one JSON line: seconds of training, steps, accuracy, F1, share of zeros, versions.
"""
import json
import os
import sys
import time

import torch
import transformers
from transformers import AutoModelForSequenceClassification

folder, sparsity, threads, reference = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
sys.path.insert(0, reference)
import neuroprune_torch as method  # noqa: E402

torch.set_num_threads(threads)
with open(os.path.join(folder, "recipe.json")) as file:
    job = json.load(file)
recipe = job["recipe"]
torch.manual_seed(job["seed"])
transformers.utils.logging.set_verbosity_error()
model = AutoModelForSequenceClassification.from_pretrained(
    os.path.join(folder, "model"),
    hidden_dropout_prob=recipe["dropout"],
    attention_probs_dropout_prob=recipe["dropout"],
).train()
matrices = [p for p in model.parameters() if p.dim() >= 2]
others = [p for p in model.parameters() if p.dim() < 2]
optimizer = torch.optim.AdamW(
    [{"params": matrices, "weight_decay": recipe["weightDecay"]}, {"params": others, "weight_decay": 0.0}],
    lr=recipe["learningRate"],
    fused=True,
)
layers = [
    dict(
        qkv=[l.attention.self.query.weight, l.attention.self.key.weight, l.attention.self.value.weight],
        o=[l.attention.output.dense.weight],
        mlp=[l.intermediate.dense.weight, l.output.dense.weight],
    )
    for l in model.bert.encoder.layer
]
weights = [w for layer in layers for kind in ("qkv", "o", "mlp") for w in layer[kind]]
steps = len(job["batches"])
first, last = round(0.05 * steps), round(0.7 * steps)
warm = max(1, int(recipe["warmup"] * steps))
masks = None


def tensors(batch):
    shape = (batch["rows"], batch["length"])
    inputs = {name: torch.tensor(values).reshape(shape) for name, values in batch["inputs"].items()}
    return inputs, torch.tensor(batch["labels"]), torch.tensor(batch["weights"])


@torch.no_grad()
def cut(target):
    """One mask event: each kind to the target by quantile of its scores, over all layers."""
    scores = {kind: [] for kind in ("qkv", "o", "mlp")}
    for layer in layers:
        qkv, o, fi, fo = method.hard_scores(torch.cat(layer["qkv"]), layer["o"][0], *layer["mlp"])
        for kind, parts in (("qkv", qkv.chunk(3)), ("o", [o]), ("mlp", [fi, fo])):
            scores[kind] += parts
    found = {}
    for kind, parts in scores.items():
        flat = torch.cat([p.flatten() for p in parts])
        limit = flat.kthvalue(max(1, round(target * flat.numel()))).values
        found[kind] = iter([p > limit for p in parts])
    return [next(found[kind]) for layer in layers for kind in ("qkv", "o", "mlp") for _ in layer[kind]]


def prune(step):
    global masks
    if first < step <= last and ((step - first) % 16 == 0 or step == last):
        masks = cut(method.cubic(step, first, last, sparsity - 0.005))
    if masks is not None:
        with torch.no_grad():
            for w, mask in zip(weights, masks):
                w.mul_(mask)
            if step == last:
                masks = method.exact_trim(weights, sparsity)
                for w, mask in zip(weights, masks):
                    w.mul_(mask)


started = time.perf_counter()
batches = job["batches"][: int(sys.argv[5])] if len(sys.argv) > 5 else job["batches"]
for step, batch in enumerate(batches, 1):
    for group in optimizer.param_groups:
        group["lr"] = recipe["learningRate"] * min(step / warm, (steps - step + 1) / (steps - warm))
    inputs, labels, rows = tensors(batch)
    each = torch.nn.functional.cross_entropy(model(**inputs).logits, labels, reduction="none")
    ((each * rows).sum() / rows.sum()).backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    prune(step)
seconds = time.perf_counter() - started

model.eval()
hits = positives = 0
tp = fp = fn = 0
with torch.no_grad():
    for batch in job["validation"]:
        inputs, labels, _ = tensors(batch)
        predicted = model(**inputs).logits.argmax(1)
        hits += int((predicted == labels).sum())
        positives += len(labels)
        tp += int(((predicted == 1) & (labels == 1)).sum())
        fp += int(((predicted == 1) & (labels == 0)).sum())
        fn += int(((predicted == 0) & (labels == 1)).sum())
print(
    json.dumps(
        {
            "seconds": seconds,
            "steps": len(batches),
            "accuracy": hits / positives,
            "f1": 2 * tp / max(1, 2 * tp + fp + fn),
            "zeros": sum(int((w == 0).sum()) for w in weights) / sum(w.numel() for w in weights),
            "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        }
    )
)
