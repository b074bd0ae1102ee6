"""Learning rates of PyTorch's OneCycleLR for packages/prune/fixtures/one-cycle.json.

Usage: python tools/golden/make_one_cycle.py > packages/prune/fixtures/one-cycle.json
"""
import json

import torch

LR = 3e-4


def rates(steps: int, warmup: float) -> list[float]:
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=LR, total_steps=steps, pct_start=warmup, cycle_momentum=False
    )
    found = []
    for step in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step < steps - 1:
            schedule.step()
    return found


def case(steps: int, warmup: float) -> dict:
    found = rates(steps, warmup)
    every = max(1, steps // 12)
    at = sorted({*range(0, steps, every), steps - 1})
    return {"steps": steps, "warmup": warmup, "rates": [[step + 1, found[step]] for step in at]}


cases = [case(*c) for c in [(10, 0.3), (7, 0.5), (5, 0.0), (50, 0.1), (2104, 0.3), (2104, 0.06)]]
print(json.dumps({"torch": torch.__version__, "lr": LR, "cases": cases}))
