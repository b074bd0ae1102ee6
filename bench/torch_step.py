"""Times PyTorch's training step on the same model folder and batches as step.mjs.

usage: python3 torch_step.py '{"folder": ..., "steps": ...}'
Prints one JSON line: milliseconds a step from step `from` to step `to`, every step's loss, memory, and versions.
"""
import contextlib
import json
import os
import resource
import sys
import time

import torch
import transformers

job = json.loads(sys.argv[1])
device = torch.device(job.get("device", "cpu"))
precision = job.get("precision", "fp32")
kind = job.get("kind", "classes")
steps, begin, end = job["steps"], job.get("from", 0), job.get("to", job["steps"])
gpu = device.type == "cuda"
torch.set_num_threads(job["threads"])
torch.manual_seed(0)
torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
torch.backends.cudnn.allow_tf32 = precision == "tf32"
transformers.utils.logging.set_verbosity_error()


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


base = resident() if os.path.exists("/proc/self/statm") else 0
classes = {
    "classes": transformers.AutoModelForSequenceClassification,
    "seq2seq": transformers.AutoModelForSeq2SeqLM,
    "causal": transformers.AutoModelForCausalLM,
}
folder = os.path.join(job["folder"], "model")
config = transformers.AutoConfig.from_pretrained(folder)
for name in ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout_rate", "dropout", "attention_dropout"):
    if hasattr(config, name):
        setattr(config, name, job["dropout"])
model = classes[kind].from_pretrained(folder, config=config).float().train().to(device)
model.config.use_cache = False
matrices = [p for p in model.parameters() if p.dim() >= 2]
others = [p for p in model.parameters() if p.dim() < 2]
optimizer = torch.optim.AdamW(
    [{"params": matrices, "weight_decay": job["weightDecay"]}, {"params": others, "weight_decay": 0.0}],
    lr=job["lr"],
    fused=True,  # one pass over the parameters: PyTorch's fastest
)
scaler = torch.amp.GradScaler("cuda") if precision == "fp16" and gpu else None
half = {"fp16": torch.float16, "bf16": torch.bfloat16}.get(precision)
cast = (lambda: torch.autocast(device.type, dtype=half)) if half else contextlib.nullcontext
forward = torch.compile(model) if job.get("compile") else model

with open(os.path.join(job["folder"], job.get("batches", "batches.json"))) as file:
    batches = json.load(file)


def tensors(batch):
    written = batch.get("lengths", {}).get("decoder_sequence", batch["length"])
    width = lambda name: written if name.startswith("decoder") else batch["length"]
    inputs = {name: torch.tensor(v).reshape(batch["rows"], width(name)) for name, v in batch["inputs"].items()}
    labels = torch.tensor(batch["labels"])
    if kind != "classes":
        labels = labels.reshape(batch["rows"], written)
    return inputs, labels, torch.tensor(batch["weights"])


made = [tensors(batch) for batch in batches]


def loss_of(logits, labels, weights):
    if kind == "classes":
        each = torch.nn.functional.cross_entropy(logits.float(), labels, reduction="none")
        return (each * weights).sum() / weights.sum()
    if kind == "causal":
        logits, labels = logits[:, :-1], labels[:, 1:]
    return torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), labels.flatten())


def step(number):
    inputs, labels, weights = made[number % len(made)]
    inputs = {name: value.to(device, non_blocking=True) for name, value in inputs.items()}
    with cast():
        logits = forward(**inputs).logits
        loss = loss_of(logits, labels.to(device), weights.to(device))
    if scaler:
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
    else:
        loss.backward()
        optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss.detach()


def synchronize():
    if gpu:
        torch.cuda.synchronize(device)


losses, started, ended = [], time.perf_counter(), None
for number in range(steps):
    if number == begin:
        synchronize()
        started = time.perf_counter()
    losses.append(step(number))
    if number + 1 == end:
        synchronize()
        ended = time.perf_counter()
memory = {"base": base, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
if gpu:
    memory["device"] = torch.cuda.max_memory_reserved(device)
print(
    json.dumps(
        {
            "ms": (ended - started) * 1e3 / (end - begin),
            "timed": end - begin,
            "losses": [{"step": i + 1, "loss": loss.item()} for i, loss in enumerate(losses)],
            "memory": memory,
            "versions": {
                "python": sys.version.split()[0],
                "torch": torch.__version__,
                "transformers": transformers.__version__,
            },
        }
    )
)
