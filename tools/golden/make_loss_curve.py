"""Writes the losses of dense AdamW steps in PyTorch, dropout off, over batches written by bench/export-recipe.mjs.

usage: python3 make_loss_curve.py RECIPE_FOLDER STEPS OUT.json [--threads 2]

The schedule (linear, warm-up share of the recipe) spans STEPS. Made with torch 2.5.1 and transformers 4.57.1.
"""

import argparse
import json
from pathlib import Path

import torch
import transformers
from transformers import AutoModelForSequenceClassification


def arguments():
    parser = argparse.ArgumentParser(description="Losses of dense training steps in PyTorch.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("steps", type=int)
    parser.add_argument("out", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def losses(folder, steps):
    job = json.loads((folder / "recipe.json").read_text())
    recipe = job["recipe"]
    model = AutoModelForSequenceClassification.from_pretrained(
        folder / "model", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    ).train()
    groups = [
        {"params": [p for p in model.parameters() if p.dim() >= 2], "weight_decay": recipe["weightDecay"]},
        {"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=recipe["learningRate"])
    warm = max(1, int(recipe["warmup"] * steps))
    for step, batch in enumerate(job["batches"][:steps], 1):
        for group in optimizer.param_groups:
            group["lr"] = recipe["learningRate"] * min(step / warm, (steps - step + 1) / (steps - warm))
        shape = (batch["rows"], batch["length"])
        inputs = {name: torch.tensor(values).reshape(shape) for name, values in batch["inputs"].items()}
        labels, weights = torch.tensor(batch["labels"]), torch.tensor(batch["weights"])
        each = torch.nn.functional.cross_entropy(model(**inputs).logits, labels, reduction="none")
        loss = (each * weights).sum() / weights.sum()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        yield loss.item()


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    found = [round(loss, 7) for loss in losses(options.folder, options.steps)]
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    options.out.write_text(json.dumps({"versions": versions, "steps": options.steps, "losses": found}) + "\n")


if __name__ == "__main__":
    main()
