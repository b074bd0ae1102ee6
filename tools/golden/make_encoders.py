"""Writes packages/models/fixtures: small random encoders with the values that PyTorch gives for them.

  albert, deberta-v2     a classifier each, with its tokenizer: inputs, logits, loss, the gradient of every parameter in
                         float64, the losses of 5 steps of AdamW, and ids of texts and pairs
  masked-lm/<type>       a head for masked words each: inputs, logits, loss and gradients in float64

Needs torch 2.5.1, transformers 4.57.1, sentencepiece 0.2.3, protobuf 7.36.2; no network, no GPU.
Usage: python tools/golden/make_encoders.py
"""

import io
import json
import math
import pathlib

import sentencepiece
import torch
import transformers as tf
from safetensors.torch import save_file

OUT = pathlib.Path(__file__).resolve().parents[2] / "packages/models/fixtures"

TEXT = """The river was wide and slow, and the boats on it hardly moved.
She opened the window to let the morning air into the room.
Two men were arrested on Tuesday after a long chase through the town.
It is a good film, though the second half is longer than it has to be.
Prices rose by three percent in the last quarter, the bank said.
He could not remember where he had put the keys to the old house.
The company said that it would open four new shops next year.
Nobody knew who had written the letter or why it came so late.
A small dog ran across the street and into the garden of the school.
The meeting was called off because of the heavy rain.
They have been working on the bridge since the end of the war.
What a funny, warm and clever story this is!
The children played in the snow until their hands were cold.
Shares of the bank fell sharply on Monday, but rose again on Friday.
There was no reason to think that the answer would be different.
""".splitlines()

PAIRS = [
    ("The river was wide and slow.", "The boats on it hardly moved, she said on Tuesday morning."),
    ("It is a good film.", "A funny story!"),
    ("Prices rose in the last quarter.", "Shares fell."),
    ("Nobody knew who had written the letter to the old school.", "Why?"),
]

PROBES = [
    "The quick brown fox jumps over the lazy dog.",
    "It's 9.99 dollars, isn't it?  Two  spaces.",
    "Naïve café – “quoted” … déjà vu",
    "北京 привет ẞtraße",
    "",
    " leading space and a new\u00a0one",
]


def vocabulary(size, **pieces):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT), model_writer=model, vocab_size=size, model_type="unigram",
        normalization_rule_name="identity", num_threads=1, minloglevel=2, **pieces,
    )
    return model.getvalue()


def tokenizer(cls, folder, **pieces):
    file = folder / "spiece.model"
    file.write_bytes(vocabulary(118, **pieces))
    tok = cls(str(file), model_max_length=64)
    tok.save_pretrained(folder)
    tok = cls.from_pretrained(folder)
    for name in ("spiece.model", "spm.model"):
        (folder / name).unlink(missing_ok=True)
    return tok


def randomise(model, seed):
    """Weights with a spread at which every part of the network shows."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            r = torch.randn(p.shape, generator=g)
            if "LayerNorm" in name or "layer_norm" in name:
                p.copy_(1 + 0.1 * r if name.endswith("weight") else 0.1 * r)
            elif "embeddings" in name and p.dim() == 2:
                p.copy_(0.3 * r)
            else:
                p.copy_(0.1 * r if p.dim() == 1 else 1.2 / math.sqrt(p.shape[1]) * r)


def built(cls, config, seed):
    config._attn_implementation = "eager"
    model = cls(config)
    randomise(model, seed)
    return model.eval()


def gradients(model, batch):
    model.zero_grad(set_to_none=True)
    out = model(**batch)
    out.loss.backward()
    return out.loss.detach(), out.logits.detach(), {n: p.grad for n, p in model.named_parameters()}


def adamw(model, batch):
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    losses = []
    for _ in range(5):
        optimizer.zero_grad()
        loss = model(**batch).loss
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
    return [*losses, model(**batch).loss.item()]


def classifier(name, cls, config, tokenizer_class, seed, **pieces):
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    tok = tokenizer(tokenizer_class, folder, **pieces)
    config.vocab_size = 120
    assert len(tok) <= config.vocab_size, len(tok)
    model = built(cls, config, seed)
    model.save_pretrained(folder)
    batch = dict(tok([a for a, _ in PAIRS], [b for _, b in PAIRS], padding=True, truncation=True, max_length=40, return_tensors="pt"))
    batch["labels"] = torch.tensor([0, 1, 1, 0])
    loss, logits, grads = gradients(model, batch)
    loss64, logits64, grads64 = gradients(model.double(), batch)
    scale = max(g.abs().max() for g in grads64.values())
    off = max((grads[n] - g).abs().max() / max(g.abs().max(), 1e-3 * scale) for n, g in grads64.items())
    tensors = {**batch, "logits": logits, "loss": loss.reshape(1), "f64.logits": logits64, "f64.loss": loss64.reshape(1)}
    tensors |= {f"f64.grad.{n}": g.contiguous() for n, g in grads64.items()}
    save_file(tensors, folder / "golden.safetensors", metadata={"format": "pt"})
    info = {
        "model": cls.__name__,
        "made_with": {"torch": torch.__version__.split("+")[0], "transformers": tf.__version__},
        "max_relative_gradient_difference_f32_to_f64": off.item(),
        "adamw": {"lr": 1e-3, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01, "steps": 5, "losses_f64": adamw(model, batch)},
        "tokenizer": [{"text": x, "ids": tok(x)["input_ids"]} for x in PROBES],
        "tokenizer_pairs": [
            {"text": a, "pair": b, "max_length": n, **tok(a, b, truncation=True, max_length=n)} for (a, b), n in zip(PAIRS, (64, 16, 12, 20))
        ],
    }
    (folder / "golden.json").write_text(json.dumps(info, indent=1, ensure_ascii=False) + "\n")
    print(name, loss64.item(), info["adamw"]["losses_f64"][-1], off.item())


def masked_lm(cls, config, seed):
    folder = OUT / "masked-lm" / config.model_type
    folder.mkdir(parents=True, exist_ok=True)
    model = built(cls, config, seed)
    model.save_pretrained(folder)
    g = torch.Generator().manual_seed(seed)
    ids = torch.randint(2, config.vocab_size, (3, 9), generator=g)
    mask = torch.arange(9)[None, :] < torch.tensor([9, 4, 6])[:, None]
    batch = {"input_ids": torch.where(mask, ids, config.pad_token_id), "attention_mask": mask.long()}
    if getattr(config, "type_vocab_size", 0) > 1:
        batch["token_type_ids"] = (torch.arange(9)[None, :] >= 3).long() * mask.long()
    hidden = torch.rand(3, 9, generator=g) < 0.4
    batch["labels"] = torch.where(hidden & mask, ids, -100)
    _, logits, _ = gradients(model, batch)
    loss64, logits64, grads64 = gradients(model.double(), batch)
    tensors = {**batch, "logits": logits, "loss": loss64.float().reshape(1), "f64.logits": logits64, "f64.loss": loss64.reshape(1)}
    tensors |= {f"f64.grad.{n}": g.contiguous() for n, g in grads64.items()}
    save_file(tensors, folder / "golden.safetensors", metadata={"format": "pt"})
    (folder / "generation_config.json").unlink(missing_ok=True)
    print(folder.name, loss64.item())


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    tf.logging.set_verbosity_error()
    small = dict(hidden_size=24, num_attention_heads=4, intermediate_size=48, max_position_embeddings=64)
    classifier(
        "albert", tf.AlbertForSequenceClassification,
        tf.AlbertConfig(embedding_size=16, num_hidden_layers=3, num_hidden_groups=2, num_labels=2, hidden_dropout_prob=0.1, **small),
        tf.AlbertTokenizerFast, 21, pad_id=0, unk_id=1, bos_id=-1, eos_id=-1, control_symbols=["[CLS]", "[SEP]"], user_defined_symbols=["[MASK]"],
    )
    classifier(
        "deberta-v2", tf.DebertaV2ForSequenceClassification,
        tf.DebertaV2Config(
            num_hidden_layers=2, num_labels=2, relative_attention=True, position_buckets=8, max_relative_positions=16,
            share_att_key=True, pos_att_type=["p2c", "c2p"], norm_rel_ebd="layer_norm", position_biased_input=False,
            conv_kernel_size=3, conv_act="gelu", **small,
        ),
        tf.DebertaV2TokenizerFast, 22, pad_id=0, bos_id=1, eos_id=2, unk_id=3, bos_piece="[CLS]", eos_piece="[SEP]", pad_piece="[PAD]", unk_piece="[UNK]",
    )
    tiny = dict(vocab_size=40, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=20, max_position_embeddings=16)
    masked_lm(tf.BertForMaskedLM, tf.BertConfig(**tiny), 31)
    masked_lm(tf.RobertaForMaskedLM, tf.RobertaConfig(type_vocab_size=1, pad_token_id=1, **tiny), 32)
    masked_lm(tf.XLMRobertaForMaskedLM, tf.XLMRobertaConfig(type_vocab_size=1, pad_token_id=1, **tiny), 33)
    masked_lm(tf.DistilBertForMaskedLM, tf.DistilBertConfig(vocab_size=40, dim=16, n_layers=2, n_heads=2, hidden_dim=20, max_position_embeddings=16), 34)
    masked_lm(tf.ElectraForMaskedLM, tf.ElectraConfig(embedding_size=12, **tiny), 35)
    masked_lm(tf.AlbertForMaskedLM, tf.AlbertConfig(embedding_size=12, num_hidden_groups=1, inner_group_num=2, **tiny), 36)
    masked_lm(
        tf.DebertaV2ForMaskedLM,
        tf.DebertaV2Config(relative_attention=True, share_att_key=True, pos_att_type="c2p|p2c", max_relative_positions=4, type_vocab_size=2, **tiny), 37,
    )


if __name__ == "__main__":
    main()
