"""Writes packages/autodiff/fixtures/gradients: ten graphs with gradients that PyTorch's autograd computed.

usage: python3 make_gradients.py [FOLDER]

Made with Python 3.11, torch 2.5.1, CPU, float64. Each case is a graph in the project's text form beside the same function
written with torch. The objective is the sum of all outputs, each element weighed by an input `u.<output>`. A case becomes
`<name>.txt` (the graph) and `<name>.json`: for every input its type, dimensions and elements (base64, little-endian, real
ones float64), for every real one but the weights the gradient. Cases marked float32 hold operators that ONNX Runtime has no
float64 kernel of; their inputs are rounded to float32 first.
"""

import base64
import json
import sys
from pathlib import Path

import torch
from torch.nn import functional as F

ROOT = Path(__file__).resolve().parents[2]
CASES = {}


def case(name, dtype="float64"):
    """Registers a function of a generator that gives (inputs, constants and nodes as text, outputs by name)."""

    def add(f):
        CASES[name] = (dtype, f)
        return f

    return add


class Draw:
    """Inputs by name, drawn from one seed."""

    def __init__(self, seed, dtype):
        self.random = torch.Generator().manual_seed(seed)
        self.dtype = dtype
        self.inputs = {}

    def real(self, name, *dims, low=None, high=1.0, scale=1.0):
        if low is None:
            x = torch.randn(dims, generator=self.random, dtype=torch.float64) * scale
        else:
            x = torch.rand(dims, generator=self.random, dtype=torch.float64) * (high - low) + low
        return self.keep(name, x)

    def keep(self, name, x):
        if self.dtype == "float32":
            x = x.float().double()
        self.inputs[name] = x.requires_grad_()
        return x

    def integers(self, name, high, *dims, low=0):
        x = torch.randint(low, high, dims, generator=self.random)
        self.inputs[name] = x
        return x


@case("attention")
def attention(d):
    batch, length, width, heads = 2, 5, 12, 3
    x = d.real("x", batch, length, width)
    wq, wk, wv, wo = (d.real(n, width, width, scale=0.4) for n in ("wq", "wk", "wv", "wo"))
    bq, bo = d.real("bq", width), d.real("bo", width)
    mask = d.integers("mask", 2, batch, length)
    mask[:, 0] = 1
    text = """
      init %heads = int64[4] {0, 0, 3, 4}
      init %flat = int64[3] {0, 0, -1}
      init %axes = int64[2] {1, 2}
      init %zero = int64[] {0}
      init %scale = T[] {2}
      init %low = T[] {-10000}
      %q0 = MatMul(%x, %wq)
      %q1 = Add(%q0, %bq)
      %q2 = Reshape(%q1, %heads)
      %q = Transpose(%q2) {perm: [0, 2, 1, 3]}
      %k1 = MatMul(%x, %wk)
      %k2 = Reshape(%k1, %heads)
      %k = Transpose(%k2) {perm: [0, 2, 3, 1]}
      %v1 = MatMul(%x, %wv)
      %v2 = Reshape(%v1, %heads)
      %v = Transpose(%v2) {perm: [0, 2, 1, 3]}
      %s0 = MatMul(%q, %k)
      %s1 = Div(%s0, %scale)
      %m1 = Unsqueeze(%mask, %axes)
      %m = Equal(%m1, %zero)
      %s = Where(%m, %low, %s1)
      %p = Softmax(%s) {axis: -1}
      %c1 = MatMul(%p, %v)
      %c2 = Transpose(%c1) {perm: [0, 2, 1, 3]}
      %c = Reshape(%c2, %flat)
      %o = MatMul(%c, %wo)
      %h = Add(%o, %bo)
      %y = Add(%h, %x)
    """
    q, k, v = (
        t.view(batch, length, heads, width // heads).transpose(1, 2) for t in (x @ wq + bq, x @ wk, x @ wv)
    )
    seen = (mask != 0)[:, None, None, :]
    c = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
    return text, {"y": c.transpose(1, 2).reshape(batch, length, width) @ wo + bo + x}


@case("feed-forward", "float32")
def feed_forward(d):
    x, w1, b1 = d.real("x", 4, 8), d.real("w1", 16, 8, scale=0.4), d.real("b1", 16)
    w2, b2 = d.real("w2", 16, 8, scale=0.4), d.real("b2", 8)
    scale, shift = d.real("scale", 8), d.real("shift", 8)
    text = """
      init %one = int64[1] {1}
      %h = Gemm(%x, %w1, %b1) {transB: 1}
      %g = Gelu(%h)
      %t = Gelu(%h) {approximate: "tanh"}
      %e0 = Erf(%h)
      %s = Softplus(%h)
      %a = HardSigmoid(%h) {alpha: 0.3, beta: 0.4}
      %m1 = Mul(%g, %a)
      %m2 = Sub(%m1, %t)
      %m3 = Add(%m2, %s)
      %m = Mul(%m3, %e0)
      %d = Dropout(%m)
      %o = Gemm(%d, %w2, %b2) {alpha: 0.5, beta: 2.0}
      %r = Add(%o, %x)
      %y, %mean, %inverse = LayerNormalization(%r, %scale, %shift) {epsilon: 1e-5}
      %z = Relu(%y)
      %pooled = ReduceMean(%z, %one) {keepdims: 0}
    """
    h = x @ w1.T + b1
    m = (F.gelu(h) * torch.clamp(0.3 * h + 0.4, 0, 1) - F.gelu(h, approximate="tanh") + F.softplus(h)) * torch.erf(h)
    r = 0.5 * (m @ w2) + 2 * b2 + x
    y = F.layer_norm(r, (8,), scale, shift, eps=1e-5)
    inverse = (r.var(dim=1, keepdim=True, correction=0) + 1e-5) ** -0.5
    return text, {"pooled": F.relu(y).mean(1), "mean": r.mean(1, keepdim=True), "inverse": inverse}


@case("decoder")
def decoder(d):
    length, heads, size = 6, 2, 4
    x, scale = d.real("x", length, heads * size), d.real("scale", heads * size)
    wqkv, wo = d.real("wqkv", heads * size, heads * (2 * size) + size, scale=0.4), d.real("wo", heads * size, heads * size)
    angles = d.real("angles", length, size // 2, low=0.0, high=3.0)
    gate = d.real("gate", heads * size, 2 * heads * size, scale=0.4)
    text = """
      init %last = int64[1] {-1}
      init %two = T[] {2}
      init %tiny = T[] {1e-6}
      init %parts = int64[3] {8, 8, 4}
      init %split = int64[3] {6, 2, 4}
      init %half = int64[1] {2}
      init %zero1 = int64[1] {0}
      init %end1 = int64[1] {9223372036854775807}
      init %flat = int64[2] {6, 8}
      init %root = T[] {0.5}
      init %ones = bool[6,6] {ONES}
      init %low = T[] {-10000}
      %sq = Pow(%x, %two)
      %ms = ReduceMean(%sq, %last)
      %me = Add(%ms, %tiny)
      %rms = Sqrt(%me)
      %ri = Reciprocal(%rms)
      %xn = Mul(%x, %ri)
      %h = Mul(%xn, %scale)
      %qkv = MatMul(%h, %wqkv)
      %q0, %k0, %v0 = Split(%qkv, %parts) {axis: 1}
      %q1 = Reshape(%q0, %split)
      %k1 = Reshape(%k0, %split)
      %angle3 = Unsqueeze(%angles, %one1)
      init %one1 = int64[1] {1}
      %cos = Cos(%angle3)
      %sin = Sin(%angle3)
      %qa = Slice(%q1, %zero1, %half, %last)
      %qb = Slice(%q1, %half, %end1, %last)
      %qac = Mul(%qa, %cos)
      %qbs = Mul(%qb, %sin)
      %qr1 = Sub(%qac, %qbs)
      %qbc = Mul(%qb, %cos)
      %qas = Mul(%qa, %sin)
      %qr2 = Add(%qbc, %qas)
      %q2 = Concat(%qr1, %qr2) {axis: -1}
      %ka = Slice(%k1, %zero1, %half, %last)
      %kb = Slice(%k1, %half, %end1, %last)
      %kac = Mul(%ka, %cos)
      %nkb = Neg(%kb)
      %kbs = Mul(%nkb, %sin)
      %kr1 = Add(%kac, %kbs)
      %kbc = Mul(%kb, %cos)
      %kas = Mul(%ka, %sin)
      %kr2 = Add(%kbc, %kas)
      %k2 = Concat(%kr1, %kr2) {axis: -1}
      %s0 = Einsum(%q2, %k2) {equation: "ihd,jhd->hij"}
      %s1 = Mul(%s0, %root)
      %causal = Trilu(%ones) {upper: 0}
      %s2 = Where(%causal, %s1, %low)
      %ls = LogSoftmax(%s2) {axis: -1}
      %p = Exp(%ls)
      %c0 = Einsum(%p, %v0) {equation: "hij,jd->ihd"}
      %c = Reshape(%c0, %flat)
      %o = MatMul(%c, %wo)
      %r = Add(%o, %x)
      %g0 = MatMul(%r, %gate)
      %g1, %g2 = Split(%g0) {axis: -1, num_outputs: 2}
      %g3 = Sigmoid(%g1)
      %g4 = Mul(%g1, %g3)
      %g5 = Mul(%g4, %g2)
      %y = Add(%g5, %r)
    """.replace("ONES", ", ".join(["1"] * 36))
    h = x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * scale
    q, k, v = (h @ wqkv).split([8, 8, 4], dim=1)
    cos, sin = angles.cos()[:, None], angles.sin()[:, None]

    def rotate(t):
        a, b = t.view(length, heads, size).chunk(2, dim=-1)
        return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)

    s = torch.einsum("ihd,jhd->hij", rotate(q), rotate(k)) * 0.5
    s = torch.where(torch.ones(length, length).tril().bool(), s, torch.tensor(-10000.0, dtype=torch.float64))
    r = torch.einsum("hij,jd->ihd", s.softmax(-1), v).reshape(length, -1) @ wo + x
    a, b = (r @ gate).chunk(2, dim=-1)
    return text, {"y": F.silu(a) * b + r}


@case("tied-embedding")
def tied_embedding(d):
    table, w = d.real("table", 11, 6), d.real("w", 6, 6, scale=0.5)
    weights = d.real("weights", 11, low=0.5, high=1.5).detach()
    d.inputs["weights"] = weights
    tokens, target = d.integers("tokens", 11, 3, 4), d.integers("target", 11, 3, 4)
    target[0, 1] = target[2, 3] = 7
    text = """
      %e = Gather(%table, %tokens) {axis: 0}
      %h0 = MatMul(%e, %w)
      %h = Tanh(%h0)
      %tt = Transpose(%table) {perm: [1, 0]}
      %logits0 = MatMul(%h, %tt)
      %logits = Transpose(%logits0) {perm: [0, 2, 1]}
      %mean, %logp = SoftmaxCrossEntropyLoss(%logits, %target, %weights) {ignore_index: 7, reduction: "mean"}
      %each0 = LogSoftmax(%logits) {axis: 1}
      %each = NegativeLogLikelihoodLoss(%each0, %target) {reduction: "none"}
      %sum = NegativeLogLikelihoodLoss(%logp, %target, %weights) {reduction: "sum"}
    """
    logits = (torch.tanh(table[tokens] @ w) @ table.T).transpose(1, 2)
    return text, {
        "mean": F.cross_entropy(logits, target, weights, ignore_index=7),
        "each": F.cross_entropy(logits, target, reduction="none"),
        "sum": F.cross_entropy(logits, target, weights, reduction="sum"),
        "logp": F.log_softmax(logits, 1),
    }


@case("indices")
def indices(d):
    x = d.real("x", 4, 5, 3)
    rows, places = d.integers("rows", 5, 4, 2, 3), d.integers("places", 4, 6, 1)
    updates, parts = d.real("updates", 4, 2, 3, low=0.5, high=1.5), d.real("parts", 2, 5, 3)
    text = """
      init %at = int64[2,1] {3, 1}
      init %pairs = int64[4,2,1] {0, 4, 1, 1, -1, 0, 2, 3}
      init %k = int64[1] {2}
      init %axis = int64[] {1}
      init %start = int64[2] {-1, 4}
      init %stop = int64[2] {-9, 0}
      init %axes = int64[2] {0, -2}
      init %steps = int64[2] {-2, -3}
      %ge = GatherElements(%x, %rows) {axis: 1}
      %gn = GatherND(%x, %pairs) {batch_dims: 1}
      %gp = GatherND(%x, %places)
      %sa = ScatterElements(%x, %rows, %updates) {axis: 1, reduction: "add"}
      %sn = ScatterND(%x, %at, %parts)
      %sm = ScatterND(%x, %at, %parts) {reduction: "mul"}
      %tv, %ti = TopK(%x, %k) {axis: 1, largest: 0}
      %cs = CumSum(%x, %axis) {reverse: 1, exclusive: 1}
      %sl = Slice(%x, %start, %stop, %axes, %steps)
    """
    at = torch.tensor([3, 1])
    pairs = torch.tensor([[0, 4], [1, 1], [4, 0], [2, 3]])
    replaced = x.clone()
    replaced[at] = parts
    factors = torch.ones_like(x)
    factors[at] = parts
    return text, {
        "ge": x.gather(1, rows),
        "gn": x[torch.arange(4)[:, None], pairs],
        "gp": x[places[:, 0]],
        "sa": x.scatter_add(1, rows, updates),
        "sn": replaced,
        "sm": x * factors,
        "tv": x.topk(2, dim=1, largest=False).values,
        "cs": x.flip(1).cumsum(1).flip(1) - x,
        "sl": x.flip(0)[::2][:, [4, 1]],
    }


@case("functions")
def functions(d):
    x, y = d.real("x", 3, 4, low=0.3, high=2.5), d.real("y", 4, low=0.4, high=2.0)
    z = d.real("z", 2, 1, 4)
    low, high = d.real("low", low=-0.6, high=-0.5), d.real("high", low=0.5, high=0.6)
    text = """
      init %three = T[] {3}
      %abs = Abs(%z)
      %pow = Pow(%x, %y)
      %cube = Pow(%z, %three)
      %log = Log(%x)
      %exp = Exp(%z)
      %sqrt = Sqrt(%x)
      %inv = Reciprocal(%x)
      %sin = Sin(%z)
      %cos = Cos(%z)
      %tanh = Tanh(%z)
      %sigmoid = Sigmoid(%z)
      %relu = Relu(%z)
      %clip = Clip(%z, %low, %high)
      %max = Max(%x, %y, %z)
      %min = Min(%x, %y, %z)
      %mod = Mod(%x, %y) {fmod: 1}
      %div = Div(%z, %y)
      %id = Identity(%div)
      %neg = Neg(%id)
    """
    outputs = {
        "abs": z.abs(),
        "pow": x**y,
        "cube": z**3,
        "log": x.log(),
        "exp": z.exp(),
        "sqrt": x.sqrt(),
        "inv": 1 / x,
        "sin": z.sin(),
        "cos": z.cos(),
        "tanh": z.tanh(),
        "sigmoid": z.sigmoid(),
        "relu": z.relu(),
        "clip": torch.minimum(torch.maximum(z, low), high),
        "max": torch.maximum(torch.maximum(x, y), z),
        "min": torch.minimum(torch.minimum(x, y), z),
        "mod": torch.fmod(x, y.expand(3, 4)),
        "neg": -(z / y),
    }
    return text, outputs


@case("reductions")
def reductions(d):
    x, p = d.real("x", 2, 3, 4), d.real("p", 2, 3, 1, low=0.5, high=2.0)
    text = """
      init %a = int64[1] {-1}
      init %b = int64[2] {0, 2}
      %sum = ReduceSum(%x, %b) {keepdims: 0}
      %mean = ReduceMean(%x)
      %max = ReduceMax(%x, %a)
      %min = ReduceMin(%x, %b)
      %prod = ReduceProd(%x, %a)
      %l1 = ReduceL1(%x, %a) {keepdims: 0}
      %l2 = ReduceL2(%x, %b)
      %ls = ReduceLogSum(%p, %b)
      %lse = ReduceLogSumExp(%x, %b) {keepdims: 0}
      %sq = ReduceSumSquare(%x, %a)
    """
    return text, {
        "sum": x.sum((0, 2)),
        "mean": x.mean((0, 1, 2), keepdim=True),
        "max": x.amax(-1, keepdim=True),
        "min": x.amin((0, 2), keepdim=True),
        "prod": x.prod(-1, keepdim=True),
        "l1": x.norm(p=1, dim=-1),
        "l2": torch.linalg.vector_norm(x, dim=(0, 2), keepdim=True),
        "ls": p.sum((0, 2), keepdim=True).log(),
        "lse": x.logsumexp((0, 2)),
        "sq": x.square().sum(-1, keepdim=True),
    }


@case("layout")
def layout(d):
    x, row = d.real("x", 2, 3, 6), d.real("row", 1, 6)
    text = """
      init %fill = T[] {0.25}
      init %pads = int64[2] {2, 3}
      init %cut = int64[6] {0, 1, -2, 1, 0, -1}
      init %axis = int64[1] {-1}
      init %parts = int64[3] {1, 3, 2}
      init %repeats = int64[3] {2, 1, 3}
      init %wide = int64[3] {4, 1, 1}
      init %zero = int64[1] {0}
      init %back = int64[2] {9, -1}
      init %one = int64[] {1}
      %reflect = Pad(%x, %pads, _, %axis) {mode: "reflect"}
      %edge = Pad(%x, %pads, _, %axis) {mode: "edge"}
      %wrap = Pad(%x, %pads, _, %axis) {mode: "wrap"}
      %constant = Pad(%x, %cut, %fill)
      %f = Flatten(%x) {axis: 2}
      %s1, %s2, %s3 = Split(%x, %parts) {axis: 2}
      %joined = Concat(%s3, %s1) {axis: 2}
      %tile = Tile(%x, %repeats)
      %expand = Expand(%row, %wide)
      %squeezed = Squeeze(%row, %zero)
      %turned = Transpose(%x)
      %shaped = Reshape(%turned, %back)
      %upper = Trilu(%x, %one)
      %wideagain = Unsqueeze(%squeezed, %zero)
    """
    return text, {
        "reflect": F.pad(x, (2, 3), mode="reflect"),
        "edge": F.pad(x, (2, 3), mode="replicate"),
        "wrap": F.pad(x, (2, 3), mode="circular"),
        "constant": F.pad(x, (-2, -1, 1, 0, 0, 1), value=0.25),
        "f": x.reshape(6, 6),
        "joined": torch.cat([x[..., 4:], x[..., :1]], 2),
        "tile": x.repeat(2, 1, 3),
        "expand": row.expand(4, 1, 6),
        "shaped": x.permute(2, 1, 0).reshape(9, -1),
        "upper": x.triu(1),
        "wideagain": row,
    }


@case("recurrent")
def recurrent(d):
    steps, batch, width = 3, 2, 4
    x, w = d.real("x", steps, batch, width), d.real("w", 4 * width, width, scale=0.5)
    r, b = d.real("r", 4 * width, width, scale=0.5), d.real("b", 4 * width)
    h, c = d.real("h0", batch, width), d.real("c0", batch, width)
    lines = []
    for t in range(steps):
        lines.append(f"""
      init %t{t} = int64[] {{{t}}}
      %x{t} = Gather(%x, %t{t}) {{axis: 0}}
      %a{t} = Gemm(%x{t}, %w, %b) {{transB: 1}}
      %b{t} = Gemm(%h{t}, %r, %a{t}) {{transB: 1}}
      %i{t}, %f{t}, %g{t}, %o{t} = Split(%b{t}) {{axis: 1, num_outputs: 4}}
      %is{t} = Sigmoid(%i{t})
      %fs{t} = Sigmoid(%f{t})
      %gt{t} = Tanh(%g{t})
      %os{t} = Sigmoid(%o{t})
      %kept{t} = Mul(%fs{t}, %c{t})
      %new{t} = Mul(%is{t}, %gt{t})
      %c{t + 1} = Add(%kept{t}, %new{t})
      %ct{t} = Tanh(%c{t + 1})
      %h{t + 1} = Mul(%os{t}, %ct{t})
    """)
    for t in range(steps):
        h, c = torch.lstm_cell(x[t], (h, c), w, r, b, torch.zeros_like(b))
    return "".join(lines), {f"h{steps}": h, f"c{steps}": c}


@case("pairs")
def pairs(d):
    a, b = d.real("a", 3, 4, 2), d.real("b", 3, 5, 2)
    m, v = d.real("m", 4, 4), d.real("v", 4)
    text = """
      %scores = Einsum(%a, %b) {equation: "bid,bjd->bij"}
      %trace = Einsum(%m) {equation: "ii"}
      %diagonal = Einsum(%m) {equation: "ii->i"}
      %outer = Einsum(%v, %v) {equation: "i,j->ij"}
      %total = Einsum(%a, %v) {equation: "bid,i->d"}
      %mv = MatMul(%m, %v)
      %vm = MatMul(%v, %a)
      %f = Einsum(%m, %v, %v) {equation: "ij,i,j->"}
      %wide = Cast(%f) {to: 11}
      %y = Mul(%mv, %wide)
    """
    return text, {
        "scores": torch.einsum("bid,bjd->bij", a, b),
        "trace": m.trace(),
        "diagonal": m.diagonal(),
        "outer": torch.outer(v, v),
        "total": torch.einsum("bid,i->d", a, v),
        "vm": v @ a,
        "y": (m @ v) * (v @ m @ v),
    }


def spelled(x):
    kind = "float64" if x.is_floating_point() else "int64"
    data = x.detach().contiguous().numpy().astype(kind)
    return {"dtype": kind, "dims": list(x.shape), "data": base64.b64encode(data.tobytes()).decode()}


def write(folder, name, dtype, make, seed):
    d = Draw(seed, dtype)
    body, outputs = make(d)
    given = dict(d.inputs)
    terms, nodes = [], []
    for key, y in outputs.items():
        u = d.real(f"u.{key}", *y.shape).detach()
        terms.append((y * u).sum())
        nodes += [f"%p.{key} = Mul(%{key}, %u.{key})", f"%s.{key} = ReduceSum(%p.{key}) {{keepdims: 0}}"]
    loss = sum(terms)
    keys = list(outputs)
    total = f"s.{keys[0]}"
    for key in keys[1:]:
        nodes.append(f"%sum.{key} = Add(%{total}, %s.{key})")
        total = f"sum.{key}"
    nodes.append(f"%loss = Identity(%{total})")
    wrt = [n for n, x in given.items() if x.requires_grad]
    gradients = torch.autograd.grad(loss, [given[n] for n in wrt])
    types = {n: dtype if x.is_floating_point() else "int64" for n, x in d.inputs.items()}
    lines = [f"input %{n}: {types[n]}[{','.join(map(str, x.shape))}]" for n, x in d.inputs.items()]
    lines += [line.strip().replace("= T[", f"= {dtype}[") for line in body.strip().splitlines() if line.strip()]
    text = "graph gradients {\n" + "".join(f"  {line}\n" for line in [*lines, *nodes, "output %loss"]) + "}\n"
    (folder / f"{name}.txt").write_text(text)
    stored = {
        "torch": torch.__version__.split("+")[0],
        "dtype": dtype,
        "loss": loss.item(),
        "inputs": {n: spelled(x) for n, x in d.inputs.items()},
        "gradients": {n: spelled(g) for n, g in zip(wrt, gradients)},
    }
    (folder / f"{name}.json").write_text(json.dumps(stored, indent=1) + "\n")


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "packages/autodiff/fixtures/gradients"
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (name, (dtype, make)) in enumerate(CASES.items()):
        write(folder, name, dtype, make, seed)


if __name__ == "__main__":
    main()
