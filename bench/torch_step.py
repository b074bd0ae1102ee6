"""Times PyTorch's training step, eager, on the same model folder and batches as step.mjs.

usage: python3 torch_step.py '{"folder": ..., "warmup": ..., "steps": ...}'
Prints one JSON line: milliseconds a step over the measured steps, every step's loss, and versions.
"""
import json
import os
import sys
import time

import torch
import transformers
from transformers import AutoModelForSequenceClassification

job = json.loads(sys.argv[1])
torch.set_num_threads(job["threads"])
torch.manual_seed(0)
transformers.utils.logging.set_verbosity_error()

rate = job["dropout"]
model = AutoModelForSequenceClassification.from_pretrained(
    os.path.join(job["folder"], "model"), hidden_dropout_prob=rate, attention_probs_dropout_prob=rate
).train()
matrices = [p for p in model.parameters() if p.dim() >= 2]
others = [p for p in model.parameters() if p.dim() < 2]
optimizer = torch.optim.AdamW(
    [{"params": matrices, "weight_decay": job["weightDecay"]}, {"params": others, "weight_decay": 0.0}],
    lr=job["lr"],
    fused=True,  # one pass over the parameters: PyTorch's fastest on the CPU
)

with open(os.path.join(job["folder"], "batches.json")) as file:
    batches = json.load(file)


def tensors(batch):
    shape = (batch["rows"], batch["length"])
    inputs = {name: torch.tensor(values).reshape(shape) for name, values in batch["inputs"].items()}
    return inputs, torch.tensor(batch["labels"]), torch.tensor(batch["weights"])


def step(batch):
    inputs, labels, weights = tensors(batch)
    each = torch.nn.functional.cross_entropy(model(**inputs).logits, labels, reduction="none")
    loss = (each * weights).sum() / weights.sum()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss.item()


losses = [step(batch) for batch in batches[: job["warmup"]]]
started = time.perf_counter()
losses += [step(batch) for batch in batches[job["warmup"] : job["warmup"] + job["steps"]]]
ms = (time.perf_counter() - started) * 1e3 / job["steps"]
versions = {"torch": torch.__version__, "transformers": transformers.__version__, "python": sys.version.split()[0]}
print(json.dumps({"ms": ms, "losses": losses, "versions": versions}))
