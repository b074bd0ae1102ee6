"""Writes values of the metrics from their reference implementations on random and awkward input: unicode, empty texts,
punctuation, Chinese, long texts, odd white space, all options; and of sacreBLEU's paired tests.

usage: python3 make_text_metrics.py --out packages/evaluate/fixtures/metrics.json [--cases N --seed N]
Needs: rouge_score 0.1.2, nltk 3.10.4, sacrebleu 2.6.0, scikit-learn 1.9.1, scipy 1.17.1.
"""

import argparse, importlib.metadata as md, json, math, os, random, re, string, warnings

os.environ["SACREBLEU_SEED"] = "12345"
import numpy as np
from nltk.stem.porter import PorterStemmer
from rouge_score import rouge_scorer
from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.significance import PairedTest
from scipy import stats
from sklearn import metrics as sk

WORDS = """the a cat dog sat on mat in house runs running quickly happily relational generalization sky dying news
Übermäßig straße İstanbul ΣΊΣΥΦΟΣ naïve café don't it's John's U.S.A. 3.14 1,000 50% $5 e-mail 3-2 (hi) "quoted" ... ! ?
&amp; &quot; &lt;b&gt; <skipped> ¿qué? «да» привет 北京 欢迎 你 。 ，！ 東京は カタカナ ひらがな 한국어 ﬁn 👍🏽 👩‍👩‍👧 𝒳 𠀀 ½ ² ٣ € ™ – — … ‘x’ _ snake_case
ＦＵＬＬ　ｗ 、 ㍿ 々 ㄅ x\u2009y a\ufeffb c\u200bd""".split(" ")
WORDS = [w for part in WORDS for w in part.split("\n")]
SPACES = [" "] * 30 + ["  ", "\t", "\n", " \n", "-\n", "\n-", "\u00a0", "\u3000", "\x1c", "\x85", "\r\n", ""]


def sentence(rng, longest):
    kind = rng.random()
    if kind < 0.06:
        return rng.choice(["", " ", ".", "...", "\n", "-", "。", "\u3000", "'s"])
    pool = WORDS if kind < 0.8 else rng.sample(WORDS, 6)
    return "".join(rng.choice(pool) + rng.choice(SPACES) for _ in range(rng.randint(1, longest)))


def perturb(rng, text):
    words = text.split(" ")
    out = [w if rng.random() > 0.15 else rng.choice(WORDS) for w in words if rng.random() > 0.1]
    if len(out) > 4 and rng.random() < 0.6:
        i, n = rng.randrange(len(out)), rng.randint(1, 4)
        part, out = out[i : i + n], out[:i] + out[i + n :]
        j = rng.randrange(len(out) + 1)
        out[j:j] = part
    return " ".join(out)


def corpus(rng, size, refs, longest):
    references = [[sentence(rng, longest) for _ in range(refs if refs > 0 else rng.randint(1, 3))] for _ in range(size)]
    return [perturb(rng, rng.choice(r)) for r in references], references


def streams(refs):
    return [[r[i] if i < len(r) else None for r in refs] for i in range(max(map(len, refs)))]


def option(rng, **choices):
    return {k: rng.choice(v) for k, v in choices.items() if rng.random() < 0.5}


def camel(options):
    return {re.sub("_(.)", lambda m: m[1].upper(), k): v for k, v in options.items()}


TOKENIZERS = ["13a", "intl", "char", "zh", "none"]


def text_case(rng, preds, refs):
    out = dict(predictions=preds, references=refs)
    bleu = option(
        rng,
        tokenize=TOKENIZERS,
        lowercase=[True],
        smooth_method=["exp", "floor", "add-k", "none"],
        smooth_value=[0.01, 0.5, 2.0],
        max_ngram_order=[1, 2, 3, 6],
        effective_order=[True],
    )
    chrf = option(
        rng,
        char_order=[1, 3, 5, 6],
        word_order=[1, 2, 3],
        beta=[1, 2, 3],
        lowercase=[True],
        whitespace=[True],
        eps_smoothing=[True],
    )
    ter = option(rng, normalized=[True], no_punct=[True], asian_support=[True], case_sensitive=[True])
    for name, metric, options in (("bleu", BLEU(**bleu), bleu), ("chrf", CHRF(**chrf), chrf), ("ter", TER(**ter), ter)):
        score = metric.corpus_score(preds, streams(refs)).score
        out[name] = dict(
            options=camel(options),
            score=score,
            signature=str(metric.get_signature()),
            sentences=[metric.sentence_score(p, r).score for p, r in zip(preds, refs)],
        )
    out["tokens"] = {t: BLEU(tokenize=t).tokenizer(preds[0].rstrip()) for t in TOKENIZERS}
    types = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
    out["rouge"] = {}
    for stemmer in (False, True):
        scorer = rouge_scorer.RougeScorer(types, use_stemmer=stemmer)
        rows = [scorer.score_multi(r, p) for p, r in zip(preds, refs)]
        out["rouge"]["stemmer" if stemmer else "plain"] = {
            t: float(np.mean([r[t].fmeasure for r in rows])) for t in types
        }
    out["exactMatch"] = [exact(rng, preds, refs) for _ in range(2)]
    return out


def exact(rng, preds, refs):
    """Hugging Face evaluate 0.4.6, metrics/exact_match, with the first references."""
    o = option(
        rng,
        regexes_to_ignore=[["the ", r"\d+"], ["[aeiou]"]],
        ignore_case=[True],
        ignore_punctuation=[True],
        ignore_numbers=[True],
    )
    p, r = [x + ("!" if i % 2 else "") for i, x in enumerate(preds)], [
        x[0].upper() if i % 3 else preds[i] for i, x in enumerate(refs)
    ]
    a, b = p, r
    for s in o.get("regexes_to_ignore", []):
        a, b = [re.sub(s, "", x) for x in a], [re.sub(s, "", x) for x in b]
    if o.get("ignore_case"):
        a, b = [x.lower() for x in a], [x.lower() for x in b]
    for flag, chars in (("ignore_punctuation", string.punctuation), ("ignore_numbers", string.digits)):
        if o.get(flag):
            table = str.maketrans("", "", chars)
            a, b = [x.translate(table) for x in a], [x.translate(table) for x in b]
    return dict(
        options=camel(o), predictions=p, references=r, exact_match=float(np.mean([x == y for x, y in zip(a, b)]))
    )


def num(x):
    return float(x) if x is not None and math.isfinite(x) else None


def label_case(rng):
    n, k = rng.randint(1, 25), rng.choice([1, 2, 2, 3, 5])
    y = [rng.randrange(k) for _ in range(n)]
    p = [a if rng.random() < 0.6 else rng.randrange(k) for a in y]
    w = [round(rng.uniform(0, 3), 2) for _ in y] if rng.random() < 0.5 else None
    zero = rng.choice([0.0, 1.0, float("nan")])
    out = dict(predictions=p, references=y, weights=w, zeroDivision=None if math.isnan(zero) else zero, averages=[])
    out["accuracy"], out["matthews"] = num(sk.accuracy_score(y, p, sample_weight=w)), num(
        sk.matthews_corrcoef(y, p, sample_weight=w)
    )
    out["correct"] = num(sk.accuracy_score(y, p, sample_weight=w, normalize=False))
    for average in ("binary", "macro", "micro", "weighted"):
        if average == "binary" and len(set(y) | set(p)) > 2:
            continue
        positive = rng.choice(sorted(set(y) | set(p))) if average == "binary" else 1
        labels = None if average == "binary" or rng.random() < 0.5 else sorted(rng.sample(range(6), 3) + [y[0]])
        labels = labels and sorted(set(labels))
        kw = dict(average=average, labels=labels, pos_label=positive, zero_division=zero, sample_weight=w)
        out["averages"].append(
            dict(
                average=average,
                labels=labels,
                positiveLabel=positive,
                f1=num(sk.f1_score(y, p, **kw)),
                precision=num(sk.precision_score(y, p, **kw)),
                recall=num(sk.recall_score(y, p, **kw)),
            )
        )
    return out


def correlation_case(rng):
    n = rng.choice([2, 3, 4, 7, 30, 200])
    x = [rng.choice([rng.gauss(0, 1), round(rng.gauss(0, 1))]) for _ in range(n)]
    y = [rng.choice([-1, 0, 0.3, 1]) * a + rng.gauss(0, 0.5) for a in x]
    p, s = stats.pearsonr(x, y), stats.spearmanr(x, y)
    return dict(
        predictions=x,
        references=y,
        pearson=num(p.statistic),
        pearsonP=num(p.pvalue),
        spearman=num(s.statistic),
        spearmanP=num(s.pvalue),
    )


def paired_case(rng, size, noise):
    refs = [" ".join(rng.choice(WORDS[:40]) for _ in range(rng.randint(6, 14))) for _ in range(size)]
    base = [perturb(rng, r) for r in refs]
    other = [perturb(rng, b) if rng.random() < noise else (r if rng.random() < 0.1 else b) for b, r in zip(base, refs)]
    out = dict(references=[[r] for r in refs], baseline=base, system=other)
    for kind in ("ar", "bs"):
        signatures, scores = PairedTest(
            [("baseline", base), ("system", other)], dict(BLEU=BLEU(), CHRF=CHRF(), TER=TER()), [refs], kind, 10000
        )()
        out[kind] = {
            str(m)
            .lower()[:4]
            .rstrip("2"): dict(
                baseline=scores[m][0].score,
                system=scores[m][1].score,
                pValue=scores[m][1].p_value,
                mean=num(scores[m][1].mean),
                ci=num(scores[m][1].ci),
                signature=str(signatures[m]),
            )
            for m in scores
            if m != "System"
        }
    return out


def stems(rng, count):
    parts = [
        "sky",
        "rel",
        "y",
        "oper",
        "hopp",
        "tan",
        "geo",
        "b",
        "ee",
        "conf",
        "agr",
        "fil",
        "syz",
        "w",
        "x",
        "trouble",
        "a",
        "ion",
        "t",
        "rat",
    ]
    ends = "ational tional enci anci izer bli alli entli eli ousli ization ation ator alism iveness fulness ousness aliti iviti biliti fulli logi icate ative alize iciti ical ful ness al ance ence er ic able ible ant ement ment ent sion tion ou ism ate iti ous ive ize ies ied eed ed ing ss s y e ll yyy".split()
    words = {rng.choice(parts) + "".join(rng.choice(ends) for _ in range(rng.randint(1, 3))) for _ in range(count)}
    return {w: PorterStemmer().stem(w) for w in sorted(words)}


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--out", required=True)
    ap.add_argument("--cases", type=int, default=24)
    ap.add_argument("--seed", type=int, default=11)
    a = ap.parse_args()
    warnings.simplefilter("ignore")
    rng = random.Random(a.seed)
    texts = [
        text_case(rng, *corpus(rng, rng.randint(1, 6), rng.choice([1, 1, 2, 0]), rng.choice([3, 12, 25])))
        for _ in range(a.cases)
    ]
    long = [rng.choice("a b c d e f g".split()) for _ in range(160)]
    texts.append(text_case(rng, [" ".join(long)], [[" ".join(long[80:] + long[:80])]]))
    texts.append(text_case(rng, [" ".join(long[:90]), "a"], [["b"], [" ".join(long[:130])]]))
    out = dict(
        made_with={n: md.version(n) for n in ("rouge-score", "nltk", "sacrebleu", "scikit-learn", "scipy")},
        note="null: not a finite number there",
        texts=texts,
        labels=[label_case(rng) for _ in range(2 * a.cases)],
        correlations=[correlation_case(rng) for _ in range(a.cases // 2)],
        stems=stems(rng, 10 * a.cases),
        paired=[paired_case(rng, 40, noise) for noise in (0.15, 0.7)],
    )
    with open(a.out, "w", encoding="utf-8") as file:
        file.write(
            "{\n"
            + ",\n".join(
                f"{json.dumps(k)}: "
                + (json.dumps(v) if not isinstance(v, list) else "[\n" + ",\n".join(map(json.dumps, v)) + "\n]")
                for k, v in out.items()
            )
            + "\n}\n"
        )


if __name__ == "__main__":
    main()
