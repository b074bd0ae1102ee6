"""Reads event files with TensorBoard's own reader and keeps what it found, with their bytes, as a golden file.

Usage: read_tensorboard.py RUN-FOLDER/tensorboard packages/neuroprune/fixtures/tensorboard/golden.json
Made with tensorboard 2.21.0. The files are those that the specification beside `event-files.ts` writes of `log.ndjson`.
"""

import base64
import json
import math
import pathlib
import sys

import tensorboard
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

folder, out = map(pathlib.Path, sys.argv[1:])
files, scalars = {}, {}
for run in sorted(p.name for p in folder.iterdir() if p.is_dir()):
    (file,) = (folder / run).glob("events.out.tfevents.*")
    files[run] = base64.b64encode(file.read_bytes()).decode()
    reader = EventAccumulator(str(folder / run), size_guidance={"scalars": 0})
    reader.Reload()
    scalars[run] = {
        tag: [[e.step, e.value if math.isfinite(e.value) else None, e.wall_time] for e in reader.Scalars(tag)]
        for tag in reader.Tags()["scalars"]
    }
golden = {"tensorboard": tensorboard.__version__, "files": files, "scalars": scalars}
out.write_text(json.dumps(golden, indent=1) + "\n")
