"""A whole dense fine-tuning job as one would write it in PyTorch: dynamic padding, AdamW, evaluation, saving.

usage: python3 torch_job.py MODEL_FOLDER GLUE_FOLDER TASK EPOCHS SEED THREADS OUT
The recipe is that of NeuroPrune's task row for MRPC: batch 32, 128 tokens at most, lr 1e-4, linear with 6 % warm-up,
weight decay 0.01 on matrices, dropout 0.1. Prints one JSON line: seconds in all and in steps, accuracy, versions.
"""
import json
import os
import sys
import time

started = time.perf_counter()
import pyarrow.parquet as parquet  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
from transformers import AutoModelForSequenceClassification, AutoTokenizer, get_linear_schedule_with_warmup  # noqa: E402

folder, glue, task, epochs, seed, threads, out = sys.argv[1:]
columns = {"mrpc": ("sentence1", "sentence2"), "sst2": ("sentence",)}[task]
torch.set_num_threads(int(threads))
torch.manual_seed(int(seed))
transformers.utils.logging.set_verbosity_error()
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2)


def rows(split):
    table = parquet.read_table(os.path.join(glue, task, f"{split}-00000-of-00001.parquet")).to_pydict()
    encoded = tokenizer(*(table[name] for name in columns), truncation=True, max_length=128)
    return [
        {**{key: encoded[key][i] for key in encoded}, "label": label} for i, label in enumerate(table["label"])
    ]


def loader(data, shuffle):
    collate = transformers.DataCollatorWithPadding(tokenizer)
    return torch.utils.data.DataLoader(data, batch_size=32, shuffle=shuffle, collate_fn=collate)


train, validation = loader(rows("train"), True), loader(rows("validation"), False)
groups = [
    {"params": [p for p in model.parameters() if p.dim() >= 2], "weight_decay": 0.01},
    {"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": 0.0},
]
optimizer = torch.optim.AdamW(groups, lr=1e-4, fused=True)
steps = len(train) * int(epochs)
schedule = get_linear_schedule_with_warmup(optimizer, int(0.06 * steps), steps)
begun = time.perf_counter()
model.train()
tokens = 0
for _ in range(int(epochs)):
    for batch in train:
        tokens += batch["input_ids"].numel()
        model(**batch).loss.backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
stepped = time.perf_counter() - begun
model.eval()
with torch.no_grad():
    hits = sum(int((model(**batch).logits.argmax(1) == batch["labels"]).sum()) for batch in validation)
model.save_pretrained(out)
print(
    json.dumps(
        {
            "seconds": time.perf_counter() - started,
            "stepSeconds": stepped,
            "steps": steps,
            "tokens": tokens,
            "accuracy": hits / len(validation.dataset),
            "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        }
    )
)
