"""Checks published model folders with stock transformers: their logits against those of their ONNX files.

usage: python3 check_transformers.py FOLDER... [--logits FILE] [--tolerance 1e-4] [--json]

FOLDER holds config.json, model.safetensors (dense shapes with zeros) and onnx/model.onnx (small shapes); config.json names
its class. A line is printed a folder.
Without --logits the ONNX file runs here, in onnxruntime, on token rows drawn from a fixed seed. With it, FILE is a
safetensors file with what the model reads of input_ids, attention_mask, token_type_ids [B, S] and decoder_input_ids [B, T],
and the logits that another process got for the one folder; a name that is no file is one in each folder. Models that write
text need it.
Exit code 0: equal to the tolerance. 1: not. 2: bad usage, or a package is missing.
"""

import argparse
import json
import sys
from pathlib import Path

INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def arguments():
    parser = argparse.ArgumentParser(description="Compares stock transformers' logits with a model folder's ONNX file.")
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--logits", type=Path, help="safetensors file with inputs and logits, or its name in each folder")
    parser.add_argument("--tolerance", type=float, default=1e-4, help="largest absolute difference")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser.parse_args()


def drawn(config):
    """Rows of different lengths, padded on the right; every input a [8, S] array."""
    import numpy as np

    random = np.random.default_rng(0)
    rows, length = 8, min(24, config.max_position_embeddings - 2)
    lengths = random.integers(3, length + 1, rows)
    lengths[0] = length
    mask = (np.arange(length) < lengths[:, None]).astype(np.int64)
    ids = np.where(mask == 1, random.integers(0, config.vocab_size, (rows, length)), config.pad_token_id or 0)
    types = (np.arange(length) >= lengths[:, None] // 2) * mask
    return dict(zip(INPUTS, (ids, mask, types.astype(np.int64))))


def from_onnx(file, inputs):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    read = {value.name for value in session.get_inputs()}
    return session.run(["logits"], {name: values for name, values in inputs.items() if name in read})[0], read


def from_transformers(model, inputs):
    import torch

    with torch.no_grad():
        return model(**{name: torch.from_numpy(values) for name, values in inputs.items()}).logits.numpy()


def load(folder):
    import transformers

    name = transformers.AutoConfig.from_pretrained(folder).architectures[0]
    model, report = getattr(transformers, name).from_pretrained(
        folder, trust_remote_code=False, attn_implementation="eager", output_loading_info=True
    )
    wrong = {key: sorted(map(str, names)) for key, names in report.items() if names}
    if wrong:
        sys.exit(f"{folder}: expected exactly the model's parameters, got {wrong}")
    return model.eval()


def compared(folder, given):
    """What came of a folder, and how that reads."""
    import numpy as np
    from safetensors.numpy import load_file

    model = load(folder)
    if given.logits:
        stored = load_file(given.logits if given.logits.is_file() else folder / given.logits)
        expected = stored.pop("logits")
        inputs = stored
    else:
        inputs = drawn(model.config)
        expected, read = from_onnx(folder / "onnx" / "model.onnx", inputs)
        inputs = {name: values for name, values in inputs.items() if name in read}
    logits = from_transformers(model, inputs)
    if logits.shape != expected.shape:
        sys.exit(f"logits: expected {list(expected.shape)}, got {list(logits.shape)} from transformers")
    difference = float(np.abs(logits - expected).max())
    holds = bool(difference <= given.tolerance)  # a NaN does not hold
    result = {"rows": len(logits), "maxAbsDifference": difference, "tolerance": given.tolerance, "holds": holds}
    verdict = "holds" if holds else "does not hold"
    return result, f"{len(logits)} rows, largest difference {difference:.2e}: {verdict}"


def main():
    given = arguments()
    all_hold = True
    for folder in given.folders:
        try:
            result, text = compared(folder, given)
        except ImportError as error:
            print(f"{error.name}: expected as a Python package, got none; install it", file=sys.stderr)
            sys.exit(2)
        print(json.dumps(result) if given.json else text)
        all_hold = all_hold and result["holds"]
    sys.exit(0 if all_hold else 1)


main()
