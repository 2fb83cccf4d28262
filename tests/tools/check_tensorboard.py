#!/usr/bin/env python3
"""Reads what `octet train --tensorboard DIR` wrote with TensorBoard's own reader.

    pip install tensorboard
    python3 tests/tools/check_tensorboard.py DIR RUN_FOLDER

Every epoch of RUN_FOLDER/log.jsonl must be there with the same figures, also where the run was killed and went
on in a second file, and the settings as a text. Not needed for building or testing.
"""
import json
import os
import sys

import numpy
from tensorboard.backend.event_processing import event_accumulator

TAGS = {
    "loss/train": "train_loss",
    "loss/validation": "val_loss",
    "accuracy/validation": "val_accuracy",
    "seconds/epoch": "seconds",
    "seconds/train": "train_seconds",
    "memory/peak": "peak_bytes",
}


def main(board, run):
    with open(os.path.join(run, "log.jsonl"), encoding="utf-8") as log:
        events = [json.loads(line) for line in log]
    start = [event for event in events if event["event"] == "start"][-1]
    epochs = [event for event in events if event["event"] == "epoch"]
    reader = event_accumulator.EventAccumulator(board, size_guidance={"scalars": 0, "tensors": 0})
    reader.Reload()
    faults = 0

    def expect(what, got, wanted):
        nonlocal faults
        if got != wanted:
            faults += 1
            print(f"{what}: got {got}, log.jsonl has {wanted}")

    for tag, field in TAGS.items():
        points = reader.Scalars(tag)
        expect(f"{tag}: number", len(points), len(epochs))
        expect(f"{tag}: steps rise", [p.step for p in points], sorted({p.step for p in points}))
        for point, epoch in zip(points, epochs):
            expect(f"{tag}, epoch {epoch['epoch']}", point.value, float(numpy.float32(epoch[field])))
    for name in epochs[0]["peak_by_tag"]:
        for point, epoch in zip(reader.Scalars("memory/" + name), epochs):
            expect("memory/" + name, point.value, float(numpy.float32(epoch["peak_by_tag"][name])))
    text = reader.Tensors("settings")[0].tensor_proto.string_val[0].decode()
    expect("settings", f'optimizer = "{start["optimizer"]}"' in text, True)
    plugin = reader.SummaryMetadata("settings").plugin_data.plugin_name
    expect("settings: plugin", plugin, "text")
    print("scalars:", ", ".join(reader.Tags()["scalars"]))
    print(f"{len(epochs)} epochs, {faults} differences")
    return 1 if faults else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2]))
