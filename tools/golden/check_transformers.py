"""Checks a published model folder with stock transformers: its logits against those of its ONNX file.

usage: python3 check_transformers.py FOLDER [--logits FILE] [--tolerance 1e-4] [--json]

FOLDER holds config.json, model.safetensors (dense shapes with zeros) and onnx/model.onnx (small shapes).
Without --logits the ONNX file runs here, in onnxruntime, on token rows drawn from a fixed seed. With it, FILE is a
safetensors file with input_ids, attention_mask, token_type_ids [B, S] and the logits [B, labels] that another process got.
Exit code 0: equal to the tolerance. 1: not. 2: bad usage, or a package is missing.
"""

import argparse
import json
import sys
from pathlib import Path

INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def arguments():
    parser = argparse.ArgumentParser(description="Compares stock transformers' logits with a model folder's ONNX file.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--logits", type=Path, help="safetensors file with inputs and logits")
    parser.add_argument("--tolerance", type=float, default=1e-4, help="largest absolute difference")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser.parse_args()


def drawn(vocabulary, positions):
    """Rows of different lengths, padded on the right; every input a [8, S] array."""
    import numpy as np

    random = np.random.default_rng(0)
    rows, length = 8, min(24, positions)
    lengths = random.integers(3, length + 1, rows)
    lengths[0] = length
    mask = (np.arange(length) < lengths[:, None]).astype(np.int64)
    ids = random.integers(0, vocabulary, (rows, length)) * mask
    types = (np.arange(length) >= lengths[:, None] // 2) * mask
    return dict(zip(INPUTS, (ids, mask, types.astype(np.int64))))


def from_onnx(file, inputs):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return session.run(["logits"], inputs)[0]


def from_transformers(model, inputs):
    import torch

    with torch.no_grad():
        return model(**{name: torch.from_numpy(values) for name, values in inputs.items()}).logits.numpy()


def load(folder):
    from transformers import AutoModelForSequenceClassification

    model, report = AutoModelForSequenceClassification.from_pretrained(
        folder, trust_remote_code=False, attn_implementation="eager", output_loading_info=True
    )
    wrong = {key: sorted(map(str, names)) for key, names in report.items() if names}
    if wrong:
        sys.exit(f"{folder}: expected exactly the model's parameters, got {wrong}")
    return model.eval()


def main():
    given = arguments()
    try:
        import numpy as np
        from safetensors.numpy import load_file

        model = load(given.folder)
        if given.logits:
            stored = load_file(given.logits)
            inputs, expected = {name: stored[name] for name in INPUTS}, stored["logits"]
        else:
            inputs = drawn(model.config.vocab_size, model.config.max_position_embeddings)
            expected = from_onnx(given.folder / "onnx" / "model.onnx", inputs)
    except ImportError as error:
        print(f"{error.name}: expected as a Python package, got none; install it", file=sys.stderr)
        sys.exit(2)
    logits = from_transformers(model, inputs)
    if logits.shape != expected.shape:
        sys.exit(f"logits: expected {list(expected.shape)}, got {list(logits.shape)} from transformers")
    difference = float(np.abs(logits - expected).max())
    holds = bool(difference <= given.tolerance)  # a NaN does not hold
    result = {"rows": len(logits), "maxAbsDifference": difference, "tolerance": given.tolerance, "holds": holds}
    verdict = "holds" if holds else "does not hold"
    print(json.dumps(result) if given.json else f"{len(logits)} rows, largest difference {difference:.2e}: {verdict}")
    sys.exit(0 if holds else 1)


main()
