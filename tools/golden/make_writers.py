"""Writes packages/models/fixtures/writers: small random models that write text, each with the values that PyTorch gives.

  inputs, logits, loss and the gradient of every parameter in float64, and a greedy text with the smallest gap between
  the best two logits on its way

Needs torch 2.5.1, transformers 4.57.1; no network, no GPU.
Usage: python tools/golden/make_writers.py
"""

import json
import math
import pathlib

import torch
import transformers as tf
from safetensors.torch import save_file
from torch.overrides import TorchFunctionMode

OUT = pathlib.Path(__file__).resolve().parents[2] / "packages/models/fixtures/writers"


class Double(TorchFunctionMode):
    """Norms, softmax and losses that go through float32 whatever the model's type stay in float64 here."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        first = args[0] if args and isinstance(args[0], torch.Tensor) else None
        if first is not None and first.dtype == torch.float64:
            if func is torch.Tensor.float:
                return first
            args = tuple(torch.float64 if a is torch.float32 else a for a in args)
            if kwargs.get("dtype") is torch.float32:
                kwargs["dtype"] = torch.float64
            if func in (torch.Tensor.matmul, torch.Tensor.__matmul__, torch.matmul):
                args = tuple(a.double() if isinstance(a, torch.Tensor) else a for a in args)
        return func(*args, **kwargs)


def randomise(model, seed):
    """Weights with a spread at which every part of the network shows."""
    g = torch.Generator().manual_seed(seed)
    centre = 0.0 if model.config.model_type == "gemma" else 1.0
    with torch.no_grad():
        for name, p in model.named_parameters():
            if not p.requires_grad:  # Marian's sines
                continue
            r = torch.randn(p.shape, generator=g)
            if "norm" in name.lower():
                p.copy_(centre + 0.1 * r)
            elif "embed" in name:
                p.copy_(0.3 * r)
            else:
                p.copy_(0.1 * r if p.dim() == 1 else 1.2 / math.sqrt(p.shape[1]) * r)


def gradients(model, batch):
    """Loss, logits, and gradients of what takes part: BART and Marian keep attentions that would read an encoder."""
    model.zero_grad(set_to_none=True)
    out = model(**batch)
    out.loss.backward()
    return out.loss.detach(), out.logits.detach(), {n: p.grad for n, p in model.named_parameters() if p.grad is not None}


def given(cls, batch):
    """The arguments of a class for a batch: those of BART and Marian compare each token's logits with the label at its own place."""
    if cls not in (tf.BartForCausalLM, tf.MarianForCausalLM):
        return batch
    return {**batch, "labels": torch.nn.functional.pad(batch["labels"][:, 1:], (0, 1), value=-100)}


def greedy(model, prompt, count):
    """A text and the smallest gap between the best two logits on its way, from the whole text at each step.

    `generate` gives the same, but for RoBERTa: it hands the model positions from 0, where the model by itself counts from
    pad_token_id + 1.
    """
    ids, margins = prompt, []
    for _ in range(count):
        best = model(input_ids=ids).logits[0, -1].topk(2)
        margins.append((best.values[0] - best.values[1]).item())
        ids = torch.cat([ids, best.indices[:1, None]], 1)
        if ids[0, -1] == model.config.eos_token_id:
            break
    if model.config.model_type not in ("roberta", "xlm-roberta"):
        mask = torch.ones_like(prompt)
        same = model.generate(prompt, attention_mask=mask, do_sample=False, max_new_tokens=count, use_cache=False, pad_token_id=0)
        assert same.tolist() == ids.tolist()
    return ids[0].tolist(), min(margins)


def write(name, cls, config, seed):
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    config._attn_implementation = "eager"
    model = cls(config)
    randomise(model, seed)
    model.eval().save_pretrained(folder)
    g = torch.Generator().manual_seed(seed)
    ids = torch.randint(3, config.vocab_size, (3, 14), generator=g)
    mask = (torch.arange(14)[None, :] < torch.tensor([14, 5, 9])[:, None]).long()
    batch = {
        "input_ids": ids.masked_fill(mask == 0, config.pad_token_id), "attention_mask": mask,
        "labels": ids.masked_fill(mask == 0, -100),
    }
    prompt = ids[:1, :5]
    with torch.no_grad():
        text, margin = greedy(model, prompt, 10)
    _, logits, _ = gradients(model, given(cls, batch))
    with Double():
        loss64, logits64, grads64 = gradients(model.double(), given(cls, batch))
    tensors = {**batch, "logits": logits, "loss": loss64.float().reshape(1), "f64.logits": logits64, "f64.loss": loss64.reshape(1)}
    tensors |= {f"f64.grad.{n}": x.contiguous() for n, x in grads64.items()}
    save_file(tensors, folder / "golden.safetensors", metadata={"format": "pt"})
    info = {
        "model": cls.__name__,
        "made_with": {"torch": torch.__version__.split("+")[0], "transformers": tf.__version__},
        "generate": {
            "max_new_tokens": 10,
            "cases": [{
                "input_ids": prompt[0].tolist(),
                "greedy": text,
                "greedy_smallest_margin": margin,
            }],
        },
    }
    (folder / "golden.json").write_text(json.dumps(info, indent=1) + "\n")
    print(name, loss64.item(), margin, len(grads64), len(text))


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    tf.logging.set_verbosity_error()
    small = dict(
        vocab_size=40, hidden_size=16, intermediate_size=20, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=6, max_position_embeddings=32, bos_token_id=1, eos_token_id=2, pad_token_id=0,
    )
    llama3 = dict(rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16)
    write("qwen3", tf.Qwen3ForCausalLM, tf.Qwen3Config(tie_word_embeddings=True, **small), 41)
    write("gemma", tf.GemmaForCausalLM, tf.GemmaConfig(hidden_act="gelu_pytorch_tanh", **small), 42)
    write(
        "llama-3", tf.LlamaForCausalLM,
        tf.LlamaConfig(rope_scaling=llama3, rope_theta=500.0, attention_bias=True, mlp_bias=True, tie_word_embeddings=True, **small), 43,
    )
    linear = dict(rope_type="linear", factor=2.0)
    write("llama-linear", tf.LlamaForCausalLM, tf.LlamaConfig(rope_scaling=linear, **small), 44)
    decoder = dict(
        vocab_size=40, hidden_size=16, intermediate_size=20, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=32,
        is_decoder=True, bos_token_id=1, eos_token_id=2, pad_token_id=0,
    )
    write("bert", tf.BertLMHeadModel, tf.BertConfig(**decoder), 131)
    write("electra", tf.ElectraForCausalLM, tf.ElectraConfig(embedding_size=12, **decoder), 102)
    counted = decoder | dict(pad_token_id=1, bos_token_id=0, type_vocab_size=1)
    write("roberta", tf.RobertaForCausalLM, tf.RobertaConfig(**counted), 84)
    write("xlm-roberta", tf.XLMRobertaForCausalLM, tf.XLMRobertaConfig(tie_word_embeddings=False, **counted), 150)
    reading = dict(
        vocab_size=40, d_model=16, encoder_layers=3, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4,
        encoder_ffn_dim=20, decoder_ffn_dim=20, max_position_embeddings=32, scale_embedding=True, forced_eos_token_id=None,
        decoder_start_token_id=2, bos_token_id=1, eos_token_id=2, pad_token_id=0,
    )
    write("bart", tf.BartForCausalLM, tf.BartConfig(**reading), 157)
    write("marian", tf.MarianForCausalLM, tf.MarianConfig(**reading), 145)


if __name__ == "__main__":
    main()
