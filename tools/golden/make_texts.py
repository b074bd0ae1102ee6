"""Writes packages/neuroprune/fixtures/texts: two small trained models that write text, their rows, and what Python makes of them.

  translator/  T5 that turns sentences of one made language into another; speaker/ a Llama of the second language
  translation/ and stories/ their rows in JSON lines
  golden.json  texts of greedy and beam search with sacreBLEU's and rouge_score's values, perplexity by sliding windows
  shared.json  with --shared DIR (a folder with models/ and datasets/ as on the Hub): the same of t5-tiny-multi30k-de-en on
               Multi30k's test rows and of stories260K on dialogues; the texts by their SHA-256

Needs torch 2.5.1, transformers 4.57.1, tokenizers 0.22.2, sacrebleu 2.6.0, rouge_score 0.1.2, pyarrow, sentencepiece, protobuf; no network, no GPU.
Usage: python tools/golden/make_texts.py [--shared DIR] [--keep]     --keep takes the models that are there
"""

import argparse
import hashlib
import json
import pathlib
import random

import sacrebleu
import torch
import transformers as tf
from rouge_score import rouge_scorer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

OUT = pathlib.Path(__file__).resolve().parents[2] / "packages/neuroprune/fixtures/texts"
SYLLABLES = ["ba", "do", "ki", "lu", "me", "no", "pa", "ri", "so", "tu", "ve", "za"]
FROM = [a + b for a in SYLLABLES[:6] for b in SYLLABLES[6:10]]
TO = [a + b for a in SYLLABLES[6:] for b in SYLLABLES[:4]]
SPECIAL = ["<pad>", "</s>", "<unk>", "<s>"]


def tokenizer(folder, words, template):
    vocabulary = {word: i for i, word in enumerate([*SPECIAL, *words])}
    t = Tokenizer(models.WordPiece(vocabulary, unk_token="<unk>", max_input_chars_per_word=20))
    t.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    t.decoder = decoders.WordPiece(cleanup=False)
    t.add_special_tokens(SPECIAL)
    t.post_processor = processors.TemplateProcessing(single=template, special_tokens=[("</s>", 1), ("<s>", 3)])
    fast = tf.PreTrainedTokenizerFast(tokenizer_object=t, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=64)
    fast.save_pretrained(folder)
    return fast


def sentence(rng):
    """A walk over the words: each is followed by one of four."""
    at, words = rng.randrange(24), []
    for _ in range(rng.randrange(3, 12)):
        words.append(at)
        at = (at * 5 + rng.choice([1, 2, 3, 7])) % 24
    return words


def translated(words):
    """Pairs of words change places; a word that stands after itself's neighbour is left out."""
    swapped = [w for i in range(0, len(words), 2) for w in reversed(words[i : i + 2])]
    return [w for i, w in enumerate(swapped) if i == 0 or w % 6 != swapped[i - 1] % 6]


def rows(rng, count):
    out = []
    for _ in range(count):
        words = sentence(rng)
        out.append({"de": " ".join(FROM[w] for w in words), "en": " ".join(TO[w] for w in translated(words))})
    return out


def train(model, batches, lr):
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.0)
    model.train()
    for i, batch in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = lr * min(1, (i + 1) / 20) * (1 - i / len(batches))
        loss = model(**batch).loss
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    print(type(model).__name__, "loss", loss.item())
    return model.eval()


def write_lines(file, records):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(r) + "\n" for r in records))


def make_models():
    torch.manual_seed(0)
    rng = random.Random(0)
    tok = tokenizer(OUT / "translator", FROM + TO, "$A </s>")
    config = tf.T5Config(vocab_size=52, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_decoder_layers=2, num_heads=4,
                         relative_attention_num_buckets=8, relative_attention_max_distance=16, dropout_rate=0.0,
                         feed_forward_proj="relu", decoder_start_token_id=0, pad_token_id=0, eos_token_id=1)
    def pairs():
        made = rows(rng, 64)
        x, y = (tok([r[c] for r in made], padding=True, return_tensors="pt") for c in ("de", "en"))
        return {**{k: x[k] for k in ("input_ids", "attention_mask")}, "labels": y["input_ids"].masked_fill(y["attention_mask"] == 0, -100)}
    train(tf.T5ForConditionalGeneration(config), [pairs() for _ in range(700)], 4e-3).save_pretrained(OUT / "translator")
    write_lines(OUT / "translation/validation.jsonl", rows(random.Random(1), 48))

    tok = tokenizer(OUT / "speaker", TO, "<s> $A")
    config = tf.LlamaConfig(vocab_size=28, hidden_size=24, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4,
                            num_key_value_heads=2, max_position_embeddings=32, bos_token_id=3, eos_token_id=1, pad_token_id=0,
                            tie_word_embeddings=True)
    story = lambda r: {"text": " ".join(" ".join(TO[w] for w in sentence(r)) for _ in range(r.randrange(1, 5)))}
    def texts():
        x = tok([story(rng)["text"] for _ in range(32)], padding=True, truncation=True, max_length=32, return_tensors="pt")
        keep = {k: x[k] for k in ("input_ids", "attention_mask")}
        return {**keep, "labels": keep["input_ids"].masked_fill(keep["attention_mask"] == 0, -100)}
    train(tf.LlamaForCausalLM(config), [texts() for _ in range(200)], 4e-3).save_pretrained(OUT / "speaker")
    write_lines(OUT / "stories/validation.jsonl", [story(r) for r in [random.Random(2)] for _ in range(12)])


SETTINGS = {
    "greedy": {},
    "beams": dict(num_beams=4, length_penalty=0.6, early_stopping=True, no_repeat_ngram_size=3),
}


def translate(model, tok, sources, most, settings, batch=32):
    out = []
    for i in range(0, len(sources), batch):
        x = tok(sources[i : i + batch], padding=True, truncation=True, max_length=64, return_tensors="pt")
        with torch.no_grad():
            g = model.generate(input_ids=x["input_ids"], attention_mask=x["attention_mask"], max_new_tokens=most, do_sample=False, **settings)
        out += tok.batch_decode(g, skip_special_tokens=True)
    return out


def scores(texts, references):
    scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL", "rougeLsum"], use_stemmer=True)
    rouge = [scorer.score(r, t) for t, r in zip(texts, references)]
    metrics = {"bleu": sacrebleu.BLEU(), "chrf": sacrebleu.CHRF(), "ter": sacrebleu.TER()}
    values = {name: metric.corpus_score(texts, [references]).score for name, metric in metrics.items()}
    signatures = {name: str(metric.get_signature()) for name, metric in metrics.items()}
    values.update({k: sum(s[k].fmeasure for s in rouge) / len(rouge) for k in rouge[0]})
    return {"metrics": values, "signatures": signatures}


def translations(folder, sources, references, most):
    model, tok = tf.AutoModelForSeq2SeqLM.from_pretrained(folder).eval(), tf.AutoTokenizer.from_pretrained(folder)
    out = {}
    for name, settings in SETTINGS.items():
        texts = translate(model, tok, sources, most, settings)
        out[name] = {"settings": settings, "max_new_tokens": most, "generated": texts, **scores(texts, references)}
    return out


def perplexity(model, tok, texts, window, stride):
    """The loop of transformers' guide "Perplexity of fixed-length models", counting each predicted token exactly."""
    total, count = 0.0, 0
    for text in texts:
        ids = tok(text, return_tensors="pt").input_ids
        done = 0
        for begin in range(0, ids.shape[1], stride):
            end = min(begin + window, ids.shape[1])
            x = ids[:, begin:end]
            with torch.no_grad():
                logits = model(x).logits[0, :-1].double()
            scored = min(end - done, end - begin - 1)
            if scored > 0:
                total += torch.nn.functional.cross_entropy(logits[-scored:], x[0, 1:][-scored:], reduction="sum").item()
                count += scored
            done = end
            if end == ids.shape[1]:
                break
    return {"window": window, "stride": stride, "tokens": count, "perplexity": torch.tensor(total / count, dtype=torch.float64).exp().item()}


def perplexities(folder, texts, cases):
    model, tok = tf.AutoModelForCausalLM.from_pretrained(folder).eval(), tf.AutoTokenizer.from_pretrained(folder)
    joined = {"joined": ["\n\n".join(texts)], "rows": texts}
    return [{"documents": d, **perplexity(model, tok, joined[d], w, s)} for d, w, s in cases]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shared")
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    tf.logging.set_verbosity_error()
    if not args.keep:
        make_models()
    read = lambda name: [json.loads(line) for line in (OUT / name / "validation.jsonl").read_text().splitlines()]
    pairs = read("translation")
    versions = {"torch": torch.__version__.split("+")[0], "transformers": tf.__version__, "sacrebleu": sacrebleu.__version__, "rouge_score": "0.1.2"}
    golden = {
        "made_with": versions,
        "translation": translations(OUT / "translator", [r["de"] for r in pairs], [r["en"] for r in pairs], 16),
        "perplexity": perplexities(OUT / "speaker", [r["text"] for r in read("stories")],
                                   [("joined", 32, 16), ("joined", 32, 32), ("joined", 20, 7), ("rows", 32, 16), ("rows", 12, 5)]),
    }
    (OUT / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")
    if args.shared:
        shared(pathlib.Path(args.shared), versions)


def shared(hub, versions):
    import pyarrow.parquet as pq

    table = lambda name: pq.read_table(hub / "datasets" / name).to_pylist()
    pairs = [r["translation"] for r in table("multi30k/task1-de-en/data/test-00000-of-00001.parquet")]
    made = translations(hub / "models/neuroprune-fixtures/t5-tiny-multi30k-de-en", [r["de"] for r in pairs], [r["en"] for r in pairs], 48)
    for name, one in made.items():
        texts = one.pop("generated")
        made[name] = {"settings": one["settings"], "max_new_tokens": 48}
        for count in (200, len(texts)):
            digest = hashlib.sha256("\n".join(texts[:count]).encode()).hexdigest()
            made[name][str(count)] = {"sha256": digest, **scores(texts[:count], [r["en"] for r in pairs[:count]])}
    stories = [r["dialogue"] for r in table("knkarthick/dialogsum/data/validation-00000-of-00001.parquet")][:40]
    found = perplexities(hub / "models/karpathy/stories260K", stories, [("joined", 512, 256), ("joined", 128, 48), ("rows", 512, 256), ("rows", 64, 64)])
    golden = {"made_with": versions, "translation": made, "perplexity": found}
    (OUT / "shared.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
