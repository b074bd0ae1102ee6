"""Writes packages/autodiff/fixtures/optimizers.json: training steps, losses and loss scales as PyTorch takes them.

usage: python3 make_optimizers.py [FILE]

Made with Python 3.11, torch 2.5.1, CPU, float64. A model of two linear layers over embedded tokens takes eight steps by each
recipe of `RECIPES`; kept are the loss before each step, all parameters after it (one after another, in the order of `names`)
and what the recipe adds (gradient norms, averages). Arrays are base64 of little-endian float32. The state starts from
float32 numbers, and every batch holds rows of weight 0, which PyTorch is not shown.

- SGD's decay is decoupled, as in `AdamW`: w ← (1 - lr·λ)·w before the step, because `torch.optim.SGD` couples it.
- The averages are `torch.optim.swa_utils.AveragedModel` with `get_ema_multi_avg_fn`, started from the first weights.
- Distillation is (1-α)·CE + α·T²·KL(teacher ‖ student), both softened by T, the mean over rows (Hinton et al. 2015), plus
  β times the mean squared difference of the hidden states of attended tokens.
- Loss scales are those of `torch.amp.GradScaler` over gradients that are infinite on some steps.
"""

import base64
import json
import sys
from pathlib import Path

import torch
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

OUT = Path(__file__).resolve().parents[2] / "packages/autodiff/fixtures/optimizers.json"
STEPS, ROWS, LENGTH, WORDS, WIDTH, CLASSES = 8, 4, 3, 7, 4, 3
LR, DECAY = 0.05, 0.1


class Net(torch.nn.Module):
    """logits = W₂·mean over attended tokens of tanh(W₁·embedding + b₁) + b₂."""

    def __init__(self):
        super().__init__()
        self.words = torch.nn.Embedding(WORDS, WIDTH)
        self.first = torch.nn.Linear(WIDTH, WIDTH)
        self.second = torch.nn.Linear(WIDTH, CLASSES)

    def forward(self, ids, mask):
        hidden = torch.tanh(self.first(self.words(ids)))
        m = mask[..., None].double()
        return self.second((hidden * m).sum(1) / m.sum(1)), hidden


def encode(x):
    return base64.b64encode(x.detach().to(torch.float32).contiguous().numpy().tobytes()).decode()


def draw(seed):
    random = torch.Generator().manual_seed(seed)
    net = Net().double()
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.randn(p.shape, generator=random).double() * 0.7)
    batches = []
    for step in range(STEPS):
        ids = torch.randint(0, WORDS, (ROWS, LENGTH), generator=random)
        mask = torch.ones(ROWS, LENGTH, dtype=torch.int64)
        mask[1, 2] = mask[2, 1] = mask[2, 2] = 0
        labels = torch.randint(0, CLASSES, (ROWS,), generator=random)
        weights = torch.ones(ROWS)
        weights[step % ROWS] = 0
        teacher = torch.randn(ROWS, CLASSES, generator=random) * 2
        hidden = torch.rand(ROWS, LENGTH, WIDTH, generator=random) * 2 - 1
        batches.append(dict(ids=ids, mask=mask, labels=labels, weights=weights, teacher=teacher, hidden=hidden))
    return net, batches


def real(batch):
    keep = batch["weights"] > 0
    return {name: x[keep].double() if x.is_floating_point() else x[keep] for name, x in batch.items()}


def objective(net, batch, smoothing=0.0, class_weights=None, alpha=0.0, temperature=1.0, beta=0.0):
    logits, hidden = net(batch["ids"], batch["mask"])
    weight = None if class_weights is None else torch.tensor(class_weights, dtype=torch.float64)
    loss = F.cross_entropy(logits, batch["labels"], weight=weight, label_smoothing=smoothing)
    if alpha:
        student, teacher = (F.log_softmax(x / temperature, -1) for x in (logits, batch["teacher"]))
        kl = F.kl_div(student, teacher, log_target=True, reduction="batchmean")
        loss = (1 - alpha) * loss + alpha * temperature**2 * kl
    if beta:
        attended = batch["mask"].bool()
        loss = loss + beta * F.mse_loss(hidden[attended], batch["hidden"][attended])
    return loss


def groups(net, rates):
    """AdamW's groups: biases do not decay; the rate of a parameter is the factor of the first prefix that it has."""
    return [
        dict(
            params=[p],
            lr=LR * next((f for prefix, f in rates.items() if name.startswith(prefix)), 1),
            weight_decay=0 if name.endswith("bias") else DECAY,
        )
        for name, p in net.named_parameters()
    ]


def adamw(net, rates={}):
    return torch.optim.AdamW(groups(net, rates), lr=LR)


def sgd(**options):
    return lambda net: torch.optim.SGD(net.parameters(), lr=LR, **options)


RECIPES = {
    "sgd": dict(optimizer=sgd(), decay=DECAY),
    "momentum": dict(optimizer=sgd(momentum=0.9), decay=DECAY),
    "nesterov": dict(optimizer=sgd(momentum=0.9, nesterov=True)),
    "adamw": dict(optimizer=adamw),
    "adamw with rates": dict(optimizer=lambda net: adamw(net, {"words": 0, "first": 0.5})),
    "adamw with betas": dict(optimizer=lambda net: torch.optim.AdamW(groups(net, {}), lr=LR, betas=(0.8, 0.95), eps=1e-3)),
    "clip by norm": dict(optimizer=adamw, clip_norm=0.3),
    "clip by value": dict(optimizer=sgd(), clip_value=0.05),
    "average": dict(optimizer=adamw, average=0.8),
    "accumulation": dict(optimizer=adamw, clip_norm=0.3, micro=2),
    "label smoothing": dict(optimizer=sgd(), objective=dict(smoothing=0.2)),
    "class weights": dict(optimizer=sgd(), objective=dict(class_weights=[0.5, 2.0, 1.25])),
    "smoothing and class weights": dict(optimizer=sgd(), objective=dict(smoothing=0.2, class_weights=[0.5, 2.0, 1.25])),
    "distillation": dict(optimizer=sgd(), objective=dict(alpha=0.75, temperature=2.5)),
    "hidden states": dict(optimizer=sgd(), objective=dict(beta=0.5)),
    "both of a teacher": dict(optimizer=adamw, objective=dict(alpha=0.5, temperature=4.0, beta=0.25)),
}


def train(optimizer, decay=0, clip_norm=None, clip_value=None, average=None, micro=1, objective_=None):
    net, batches = draw(1)
    opt = optimizer(net)
    averaged = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(average)) if average else None
    if averaged:
        averaged.update_parameters(net)
    kept = dict(losses=[], norms=[], parameters=[], averages=[])
    flat = lambda m: torch.cat([p.reshape(-1) for p in m.parameters()])
    for at in range(0, STEPS, micro):
        parts = [real(b) for b in batches[at : at + micro]]
        rows = sum(len(p["labels"]) for p in parts)
        opt.zero_grad()
        for part in parts:
            loss = objective(net, part, **(objective_ or {}))
            kept["losses"].append(loss.detach())
            (loss * len(part["labels"]) / rows).backward()
        if clip_norm:
            kept["norms"].append(torch.nn.utils.clip_grad_norm_(net.parameters(), clip_norm))
        if clip_value:
            torch.nn.utils.clip_grad_value_(net.parameters(), clip_value)
        with torch.no_grad():
            for p in net.parameters():
                p.mul_(1 - LR * decay)
        opt.step()
        kept["parameters"].append(flat(net))
        if averaged:
            averaged.update_parameters(net)
            kept["averages"].append(flat(averaged.module))
    return {name: encode(torch.stack(x)) for name, x in kept.items() if x}


def scales(found_infinite, **options):
    """The scale that each step uses, by GradScaler."""
    p = torch.nn.Parameter(torch.zeros(1))
    opt = torch.optim.SGD([p], lr=0)
    scaler = torch.amp.GradScaler("cpu", **options)
    used = []
    for bad in found_infinite:
        scaler.scale(p.sum())  # the first call makes the scale
        used.append(scaler.get_scale())
        p.grad = torch.full((1,), float("inf") if bad else 1.0)
        scaler.step(opt)
        scaler.update()
    return used


def main():
    net, batches = draw(1)
    names = dict(net.named_parameters())
    runs = {}
    for name, recipe in RECIPES.items():
        recipe = dict(recipe)
        recipe["objective_"] = recipe.pop("objective", None)
        runs[name] = train(**recipe)
    bad = [0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    scaling = [
        dict(init_scale=65536.0, growth_factor=2.0, backoff_factor=0.5, growth_interval=2),
        dict(init_scale=8.0, growth_factor=4.0, backoff_factor=0.25, growth_interval=3),
        dict(init_scale=2.0**40, growth_factor=2.0, backoff_factor=0.5, growth_interval=1),
    ]
    made = dict(
        made_by="tools/golden/make_optimizers.py",
        torch=torch.__version__.split("+")[0],
        lr=LR,
        decay=DECAY,
        names={name: list(p.shape) for name, p in names.items()},
        initial=encode(torch.cat([p.reshape(-1) for p in names.values()])),
        batches=[
            {k: encode(x) if x.is_floating_point() else x.reshape(-1).tolist() for k, x in b.items()} for b in batches
        ],
        runs=runs,
        scaling=[dict(options, bad=bad, scales=scales(bad, **options)) for options in scaling],
    )
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else OUT
    path.write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
