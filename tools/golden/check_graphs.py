"""Checks every ONNX file of a folder with ONNX's own checker (types and shapes too) and loads it in ONNX Runtime's cpu provider.

usage: python3 check_graphs.py FOLDER

Prints a line a file. Exit code 1 where the checker refuses one. Used with onnx 1.23.2 and onnxruntime 1.32.0.
"""

import sys
from pathlib import Path

import onnx
import onnxruntime


def outcome(act, good):
    try:
        act()
        return True, good
    except Exception as error:
        return False, f"not {good}: {str(error).splitlines()[0][:160]}"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    failed = 0
    for file in sorted(Path(sys.argv[1]).glob("*.onnx")):
        ok, checked = outcome(lambda: onnx.checker.check_model(str(file), full_check=True), "valid")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        _, loaded = outcome(
            lambda: onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"]), "loaded"
        )
        failed += not ok
        print(f"{file.name}: {checked}; {loaded}")
    print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
