"""Writes packages/autodiff/fixtures/exported: small BERT and GPT-2 models as exporters write them, with PyTorch's gradients.

usage: python3 make_exported.py [FOLDER]

Made with Python 3.11, torch 2.5.1, transformers 4.57.1, onnx 1.23.2 and onnxruntime 1.32.0 (its `transformers.optimizer`
fuses nodes); the `dynamo` files with onnxscript 0.2.0 and onnx 1.17.0. An exporter that is not installed leaves its files
as they are. Weights are random (seed 0). `<model>.json` holds the inputs, the logits, the gradients of sum(u * logits) in
float64, the cross entropies of five steps of SGD (rate 0.1; BERT), and for each file which parameter an initializer is
(`transposed`: turned; several parameters: put together along the last axis).
"""

import base64
import json
import sys
import tempfile
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from transformers import BertConfig, BertForSequenceClassification, GPT2Config, GPT2LMHeadModel

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "packages/autodiff/fixtures/exported"
VOCABULARY, POSITIONS, WIDTH, HEADS = 24, 8, 8, 2


class Named(torch.nn.Module):
    """Takes inputs in order and gives logits."""

    def __init__(self, model, names):
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *inputs):
        return self.model(**dict(zip(self.names, inputs))).logits


def bert():
    config = BertConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=HEADS, intermediate_size=12,
        max_position_embeddings=POSITIONS, num_labels=3, attn_implementation="eager",
    )  # fmt: skip
    return Named(BertForSequenceClassification(config), ["input_ids", "attention_mask", "token_type_ids"])


def gpt2():
    config = GPT2Config(
        vocab_size=VOCABULARY, n_positions=POSITIONS, n_embd=WIDTH, n_layer=2, n_head=HEADS,
        attn_implementation="eager", use_cache=False,
    )  # fmt: skip
    return Named(GPT2LMHeadModel(config), ["input_ids", "attention_mask"])


def random_weights(module):
    """Every parameter unlike all others, so that initializers can be told by their values."""
    for p in module.parameters():
        p.data = torch.randn(p.shape) * 0.3 + (1.0 if p.dim() == 1 else 0.0)
    return module.eval()


def batch(names):
    ids = torch.randint(0, VOCABULARY, (2, 5))
    mask = torch.ones(2, 5, dtype=torch.int64)
    mask[1, 3:] = 0
    types = torch.tensor([[0, 0, 1, 1, 1], [0, 1, 1, 0, 0]])
    return {n: {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}[n] for n in names}


def legacy(module, inputs, file):
    axes = {name: {0: "batch", 1: "sequence"} for name in inputs}
    # Without folding, tied weights stay one initializer.
    folds = "token_type_ids" in inputs
    torch.onnx.export(
        module, tuple(inputs.values()), file, input_names=list(inputs), output_names=["logits"], dynamic_axes=axes,
        opset_version=17, do_constant_folding=folds, dynamo=False,
    )  # fmt: skip


def fused(kind):
    def export(module, inputs, file):
        from onnxruntime.transformers import optimizer
        from onnxruntime.transformers.fusion_options import FusionOptions

        options = FusionOptions(kind)
        options.use_multi_head_attention = True
        options.enable_embed_layer_norm = False
        with tempfile.TemporaryDirectory() as folder:
            plain = f"{folder}/plain.onnx"
            legacy(module, inputs, plain)
            optimizer.optimize_model(
                plain, model_type=kind, num_heads=HEADS, hidden_size=WIDTH, optimization_options=options, opt_level=0
            ).save_model_to_file(file)  # fmt: skip

    return export


def dynamo(module, inputs, file):
    program = torch.onnx.export(module, tuple(inputs.values()), dynamo=True)
    program.save(file)
    model = onnx.load(file)
    for part in [model.graph, *model.functions]:
        del part.metadata_props[:]
        for node in part.node:
            del node.metadata_props[:]  # stack traces, nine tenths of the file
            node.ClearField("doc_string")
        for value in part.value_info:
            del value.metadata_props[:]
    onnx.save(model, file)


MODELS = {
    "bert": (bert, {"legacy": legacy, "fused": fused("bert"), "dynamo": dynamo}),
    "gpt2": (gpt2, {"legacy": legacy, "fused": fused("gpt2")}),
}


def text(x):
    return base64.b64encode(x.detach().cpu().contiguous().numpy().tobytes()).decode()


def stored(x):
    dtype = "int64" if x.dtype == torch.int64 else "float32"
    return {"dtype": dtype, "dims": list(x.shape), "data": text(x if dtype == "int64" else x.float())}


def equal(a, b):
    return a.shape == b.shape and torch.equal(a, b)


def meaning(tensor, parameters):
    """Which parameters an initializer holds."""
    for name, p in parameters.items():
        if equal(tensor, p):
            return {"parameters": [name], "transposed": False}
        if p.dim() == 2 and equal(tensor, p.T):
            return {"parameters": [name], "transposed": True}
    if tensor.dim() == 1 and tensor.shape[0] == 3 * WIDTH:
        parts = [meaning(part, parameters) for part in tensor.split(WIDTH)]
        if all(parts):
            return {"parameters": [n for part in parts for n in part["parameters"]], "transposed": False}
    return None


def initializers(file, parameters):
    found = {}
    for initializer in onnx.load(file).graph.initializer:
        tensor = torch.from_numpy(numpy_helper.to_array(initializer).copy())
        known = meaning(tensor, parameters) if tensor.dtype == torch.float32 and tensor.dim() > 0 else None
        if known:
            found[initializer.name] = known
    return found


def gradients(module, inputs, u):
    """Logits, and gradients of sum(u * logits), in float64."""
    module = module.double()
    logits = module(*inputs.values())
    (logits * u).sum().backward()
    found = {n: p.grad.clone() for n, p in module.named_parameters()}
    module.zero_grad()
    return logits, found


def losses(module, inputs, labels):
    """Cross entropies of five steps of SGD; leaves the parameters changed."""
    found = []
    for _ in range(5):
        module.zero_grad()
        loss = torch.nn.functional.cross_entropy(module(*inputs.values()), labels)
        loss.backward()
        found.append(loss.item())
        for p in module.parameters():
            p.data -= 0.1 * p.grad
    return found


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, (make, exports) in MODELS.items():
        torch.manual_seed(0)
        module = random_weights(make())
        inputs = batch(module.names)
        parameters = {n: p.detach().clone() for n, p in module.named_parameters()}
        golden = FOLDER / f"{name}.json"
        known = json.loads(golden.read_text())["initializers"] if golden.exists() else {}
        for how, export in exports.items():
            file = FOLDER / f"{name}-{how}.onnx"
            try:
                export(module, inputs, str(file))
            except (ImportError, torch.onnx.errors.OnnxExporterError) as error:
                print(f"{file.name}: not written: {error}")
                continue
            known[how] = initializers(file, parameters)
        torch.manual_seed(1)
        u = torch.randn(module(*inputs.values()).shape)
        logits, found = gradients(module, inputs, u.double())
        facts = {
            "inputs": {n: stored(x) for n, x in inputs.items()} | {"u": stored(u)},
            "logits": stored(logits),
            "gradients": {n: stored(g) for n, g in found.items()},
            "initializers": known,
        }
        if name == "bert":
            facts["losses"] = losses(module, inputs, torch.tensor([2, 0]))
        golden.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
