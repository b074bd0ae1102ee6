"""Writes packages/models/fixtures/imported: small classifiers as exporters write them, with PyTorch's gradients for some.

usage: python3 make_imported.py [FOLDER]

Made with Python 3.11, torch 2.5.1, transformers 4.57.1, onnx 1.17.0, onnxscript 0.2.0 (for `dynamo`) and onnxruntime
1.32.0 (its `transformers.optimizer` writes `fused`), optimum-onnx 0.1.0 and onnxslim 0.1.98. Weights are random (seed 0). Each model is written with its weights
as safetensors under the names of transformers, its configuration, and `<model>-<exporter>.onnx`:

    eager11   TorchScript exporter, attention written out, operator set 11
    eager     the same, operator set 17; `eager20` of 20
    sdpa      TorchScript exporter, scaled dot product attention, operator set 14
    dynamo    torch.export, of fixed batch and length
    fused     the `eager` file through ONNX Runtime's optimizer: Attention, EmbedLayerNormalization, BiasGelu …
    optimum   `optimum-cli export onnx --task text-classification`
    slim      the same through onnxslim, as the repositories of transformers.js have it

`bert.json`, `deberta.json` and `deberta2.json` hold inputs, logits, and the gradients of sum(u * logits) in float64.
"""

import base64
import json
import sys
import tempfile
from pathlib import Path

import onnx
import torch
from safetensors.torch import save_file
from transformers import (
    AlbertConfig, AlbertForSequenceClassification, BertConfig, BertForSequenceClassification, DebertaV2Config,
    DebertaV2ForSequenceClassification, DistilBertConfig, DistilBertForSequenceClassification, GPT2Config,
    GPT2ForSequenceClassification, LlamaConfig, LlamaForSequenceClassification, RobertaConfig,
    RobertaForSequenceClassification,
)  # fmt: skip

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "packages/models/fixtures/imported"
VOCABULARY, POSITIONS, WIDTH, HEADS, UNITS = 40, 16, 16, 4, 24


class Named(torch.nn.Module):
    """Takes inputs in order and gives logits."""

    def __init__(self, model, names):
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *inputs):
        return self.model(**dict(zip(self.names, inputs))).logits


class Causal(Named):
    """Makes the mask itself: the library's own, traced, is of one length (optimum replaces it for the same reason)."""

    def forward(self, input_ids, attention_mask):
        places = torch.arange(input_ids.shape[1])
        shown = (places[None, :] <= places[:, None])[None, None] & attention_mask[:, None, None, :].bool()
        mask = torch.where(shown, 0.0, torch.finfo(torch.float32).min)
        return self.model(input_ids=input_ids, attention_mask=mask).logits


def bert(attention):
    config = BertConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=HEADS,
        intermediate_size=UNITS, max_position_embeddings=POSITIONS, num_labels=2, attn_implementation=attention,
    )  # fmt: skip
    return Named(BertForSequenceClassification(config), ["input_ids", "attention_mask", "token_type_ids"])


def roberta(attention):
    """Positions are counted from the ids."""
    config = RobertaConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=HEADS,
        intermediate_size=UNITS, max_position_embeddings=POSITIONS + 1, num_labels=2, pad_token_id=0, type_vocab_size=1,
        attn_implementation=attention,
    )  # fmt: skip
    return Named(RobertaForSequenceClassification(config), ["input_ids", "attention_mask"])


def distilbert(attention):
    config = DistilBertConfig(
        vocab_size=VOCABULARY, dim=WIDTH, n_layers=2, n_heads=HEADS, hidden_dim=UNITS,
        max_position_embeddings=POSITIONS, num_labels=2, attn_implementation=attention,
    )  # fmt: skip
    return Named(DistilBertForSequenceClassification(config), ["input_ids", "attention_mask"])


def gpt2(attention):
    config = GPT2Config(
        vocab_size=VOCABULARY, n_positions=POSITIONS, n_embd=WIDTH, n_layer=2, n_head=HEADS, n_inner=UNITS,
        num_labels=2, pad_token_id=0, attn_implementation=attention, use_cache=False,
    )  # fmt: skip
    return Causal(GPT2ForSequenceClassification(config), ["input_ids", "attention_mask"])


def llama(attention):
    """Rotary positions, gated units, and two query heads for each head of keys."""
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=HEADS,
        num_key_value_heads=HEADS // 2, intermediate_size=UNITS, max_position_embeddings=POSITIONS, num_labels=2,
        pad_token_id=0, attn_implementation=attention, use_cache=False,
    )  # fmt: skip
    return Causal(LlamaForSequenceClassification(config), ["input_ids", "attention_mask"])


def albert(attention):
    """Three layers with the same weights."""
    config = AlbertConfig(
        vocab_size=VOCABULARY, embedding_size=8, hidden_size=WIDTH, num_hidden_layers=3, num_attention_heads=HEADS,
        intermediate_size=UNITS, max_position_embeddings=POSITIONS, num_labels=2, attn_implementation=attention,
    )  # fmt: skip
    return Named(AlbertForSequenceClassification(config), ["input_ids", "attention_mask", "token_type_ids"])


def deberta(attention):
    """As microsoft/deberta-v3-small: relative positions in buckets, of which the exporter leaves an `If` a layer."""
    config = DebertaV2Config(
        vocab_size=VOCABULARY, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=HEADS,
        intermediate_size=UNITS, max_position_embeddings=POSITIONS, num_labels=2, relative_attention=True,
        position_buckets=4, norm_rel_ebd="layer_norm", share_att_key=True, pos_att_type="p2c|c2p",
        position_biased_input=False, attn_implementation=attention,
    )  # fmt: skip
    return Named(DebertaV2ForSequenceClassification(config), ["input_ids", "attention_mask"])


def deberta2(attention):
    """A convolution beside the first layer, a row of positions for each distance, and one kind of scores."""
    config = DebertaV2Config(
        vocab_size=VOCABULARY, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=HEADS,
        intermediate_size=UNITS, max_position_embeddings=POSITIONS, num_labels=2, relative_attention=True,
        share_att_key=True, pos_att_type="p2c", conv_kernel_size=3, conv_act="gelu", type_vocab_size=2,
        attn_implementation=attention,
    )  # fmt: skip
    return Named(DebertaV2ForSequenceClassification(config), ["input_ids", "attention_mask", "token_type_ids"])


def random_weights(module):
    torch.manual_seed(0)
    for p in module.parameters():
        p.data = torch.randn(p.shape) * 0.2 + (0.5 if p.dim() == 1 else 0.0)
    return module.eval()


def batch(names, rows=3, length=7):
    torch.manual_seed(1)
    ids = torch.randint(1, VOCABULARY, (rows, length))
    mask = torch.ones(rows, length, dtype=torch.int64)
    mask[1, 4:] = 0
    types = torch.zeros(rows, length, dtype=torch.int64)
    types[:, 3:] = 1
    return {n: {"input_ids": ids * mask, "attention_mask": mask, "token_type_ids": types}[n] for n in names}


def torchscript(opset):
    def export(module, inputs, file):
        axes = {name: {0: "batch_size", 1: "sequence_length"} for name in inputs} | {"logits": {0: "batch_size"}}
        module.model.config.return_dict = True
        torch.onnx.export(
            module, tuple(inputs.values()), file, input_names=list(inputs), output_names=["logits"],
            dynamic_axes=axes, opset_version=opset, do_constant_folding=True, dynamo=False,
        )  # fmt: skip

    return export


def fused(kind):
    def export(module, inputs, file):
        from onnxruntime.transformers import optimizer

        with tempfile.TemporaryDirectory() as folder:
            plain = f"{folder}/plain.onnx"
            torchscript(14)(module, inputs, plain)
            optimizer.optimize_model(
                plain, model_type=kind, num_heads=HEADS, hidden_size=WIDTH, opt_level=0
            ).save_model_to_file(file)  # fmt: skip

    return export


def dynamo(module, inputs, file):
    """Of fixed size: this torch does not translate products of dynamic axes."""
    names = {"input_names": list(inputs), "output_names": ["logits"]}
    torch.onnx.export(module, tuple(inputs.values()), dynamo=True, **names).save(file)


def optimum(module, inputs, file):
    from optimum.exporters.onnx import main_export

    with tempfile.TemporaryDirectory() as folder:
        module.model.save_pretrained(folder)
        main_export(folder, folder, task="text-classification", do_validation=False)
        onnx.save(onnx.load(f"{folder}/model.onnx"), file)


def slim(module, inputs, file):
    import onnxslim

    optimum(module, inputs, file)
    onnx.save(onnxslim.slim(onnx.load(file)), file)


def strip(file):
    """Without stack traces, nine tenths of a file."""
    model = onnx.load(file)
    for part in [model.graph, *model.functions]:
        for node in part.node:
            del node.metadata_props[:]
            node.ClearField("doc_string")
        if hasattr(part, "metadata_props"):
            del part.metadata_props[:]
        for value in [*part.value_info, *getattr(part, "input", []), *getattr(part, "output", [])]:
            if hasattr(value, "metadata_props"):
                del value.metadata_props[:]
    onnx.save(model, file)


MODELS = {
    "bert": (bert, {
        "eager11": ("eager", torchscript(11)), "eager": ("eager", torchscript(17)), "sdpa": ("sdpa", torchscript(14)),
        "dynamo": ("eager", dynamo), "fused": ("eager", fused("bert")), "slim": ("sdpa", slim),
    }),
    "roberta": (roberta, {"optimum": ("sdpa", optimum)}),
    "distilbert": (distilbert, {"eager": ("eager", torchscript(17)), "sdpa": ("sdpa", torchscript(14))}),
    "gpt2": (gpt2, {"eager": ("eager", torchscript(17))}),
    "llama": (llama, {"sdpa": ("sdpa", torchscript(17)), "optimum": ("sdpa", optimum)}),
    "albert": (albert, {"sdpa": ("sdpa", torchscript(17))}),
    "deberta": (deberta, {"eager11": ("eager", torchscript(11)), "optimum": ("eager", optimum)}),
    "deberta2": (deberta2, {"eager20": ("eager", torchscript(20))}),
}  # fmt: skip


def text(x):
    return base64.b64encode(x.detach().cpu().contiguous().numpy().tobytes()).decode()


def stored(x):
    dtype = "int64" if x.dtype == torch.int64 else "float32"
    return {"dtype": dtype, "dims": list(x.shape), "data": text(x if dtype == "int64" else x.float())}


def gradients(module, inputs):
    """Logits, and gradients of sum(u * logits), in float64."""
    torch.manual_seed(2)
    u = torch.randn(3, 2)
    logits = module(*inputs.values())
    (logits * u.double()).sum().backward()
    return {
        "inputs": {n: stored(x) for n, x in inputs.items()} | {"u": stored(u)},
        "logits": stored(logits),
        "gradients": {n: stored(p.grad) for n, p in module.model.named_parameters()},
    }


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, (make, exports) in MODELS.items():
        module = random_weights(make("eager"))
        inputs = batch(module.names)
        folder = FOLDER / name
        folder.mkdir(exist_ok=True)
        state = {n: p.contiguous() for n, p in module.model.state_dict().items()}
        save_file(state, folder / "model.safetensors", {"format": "pt"})
        (folder / "config.json").write_text(json.dumps(module.model.config.to_diff_dict(), indent=1) + "\n")
        for how, (attention, export) in exports.items():
            file = FOLDER / f"{name}-{how}.onnx"
            other = make(attention)
            other.load_state_dict(module.state_dict())
            try:
                export(other.eval(), inputs, str(file))
                strip(str(file))
            except Exception as error:  # an exporter that is not installed leaves its file as it is
                print(f"{file.name}: not written: {type(error).__name__}: {error}")
        if name in ("bert", "deberta", "deberta2"):
            (FOLDER / f"{name}.json").write_text(json.dumps(gradients(module.double(), inputs), indent=1) + "\n")


if __name__ == "__main__":
    main()
