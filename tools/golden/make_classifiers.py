"""Writes packages/models/fixtures/classifiers: small random decoders, a BART and a T5, with a head for classes, each with the values that PyTorch
gives: inputs, logits, loss and the gradient of every parameter in float64.

Needs torch 2.5.1, transformers 4.57.1; no network, no GPU.
Usage: python tools/golden/make_classifiers.py
"""

import json
import pathlib

import torch
import transformers as tf
from make_writers import Double, gradients, randomise
from safetensors.torch import save_file

OUT = pathlib.Path(__file__).resolve().parents[2] / "packages/models/fixtures/classifiers"
LENGTHS = [9, 3, 6, 1]


def write(name, cls, config, seed):
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    config._attn_implementation = "eager"
    model = cls(config)
    randomise(model, seed)
    model.eval().save_pretrained(folder)
    g = torch.Generator().manual_seed(seed)
    mask = (torch.arange(9)[None, :] < torch.tensor(LENGTHS)[:, None]).long()
    ids = torch.randint(3, config.vocab_size, mask.shape, generator=g) * mask
    if cls in (tf.BartForSequenceClassification, tf.T5ForSequenceClassification):  # finds the last of the ends of text, of which each row has one
        ids[torch.arange(4), torch.tensor(LENGTHS) - 1] = config.eos_token_id
    batch = {"input_ids": ids, "attention_mask": mask, "labels": torch.arange(4) % config.num_labels}
    _, logits, _ = gradients(model, batch)
    with Double():
        loss64, logits64, grads64 = gradients(model.double(), batch)
    tensors = {**batch, "logits": logits, "loss": loss64.float().reshape(1), "f64.logits": logits64, "f64.loss": loss64.reshape(1)}
    tensors |= {f"f64.grad.{n}": x.contiguous() for n, x in grads64.items()}
    save_file(tensors, folder / "golden.safetensors", metadata={"format": "pt"})
    made_with = {"torch": torch.__version__.split("+")[0], "transformers": tf.__version__}
    (folder / "golden.json").write_text(json.dumps({"model": cls.__name__, "made_with": made_with}, indent=1) + "\n")
    print(name, loss64.item(), len(grads64))


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    tf.logging.set_verbosity_error()
    ends = dict(bos_token_id=1, eos_token_id=2, pad_token_id=0, num_labels=3)
    small = dict(
        vocab_size=40, hidden_size=16, intermediate_size=20, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=32, **ends,
    )
    write("llama", tf.LlamaForSequenceClassification, tf.LlamaConfig(**small), 51)
    write("qwen2", tf.Qwen2ForSequenceClassification, tf.Qwen2Config(tie_word_embeddings=True, **small), 52)
    write("qwen3", tf.Qwen3ForSequenceClassification, tf.Qwen3Config(head_dim=6, **small), 53)
    write("gemma", tf.GemmaForSequenceClassification, tf.GemmaConfig(head_dim=6, hidden_act="gelu_pytorch_tanh", **small), 54)
    gpt2 = dict(vocab_size=40, n_positions=32, n_embd=16, n_layer=2, n_head=4, **ends)
    write("gpt2", tf.GPT2ForSequenceClassification, tf.GPT2Config(**gpt2), 55)
    opt = dict(
        vocab_size=40, hidden_size=16, ffn_dim=20, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=32, **ends,
    )
    write("opt", tf.OPTForSequenceClassification, tf.OPTConfig(word_embed_proj_dim=16, **opt), 56)
    bart = dict(
        vocab_size=40, d_model=16, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4,
        encoder_ffn_dim=20, decoder_ffn_dim=18, max_position_embeddings=32, decoder_start_token_id=2, forced_eos_token_id=2, **ends,
    )
    write("bart", tf.BartForSequenceClassification, tf.BartConfig(**bart), 58)
    t5 = dict(
        vocab_size=40, d_model=16, d_kv=4, d_ff=20, num_layers=2, num_heads=4, relative_attention_num_buckets=8,
        relative_attention_max_distance=20, feed_forward_proj="gated-gelu", decoder_start_token_id=0, eos_token_id=2, pad_token_id=0,
        num_labels=3,
    )
    write("t5", tf.T5ForSequenceClassification, tf.T5Config(**t5), 59)
    narrow = dict(word_embed_proj_dim=12, do_layer_norm_before=False)
    write("opt-350m-style", tf.OPTForSequenceClassification, tf.OPTConfig(**narrow, **opt), 57)


if __name__ == "__main__":
    main()
