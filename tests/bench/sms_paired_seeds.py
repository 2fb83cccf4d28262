#!/usr/bin/env python3
"""Trains the SMS experiment with several kinds of optimizer state from the same seeds and prints the paired
differences of the last epoch's validation loss to the first kind, with 95 % intervals (Student's t).

    tests/bench/sms_paired_seeds.py [--states fp32 blockwise8 'blockwise8 --second-moment plain'] [--seeds 10]
                                    [--epochs 50] [--device cpu|cuda] [--jobs 2] [--out DIR]

A state is a codec, perhaps with further flags of `octet train`. A run that is finished in --out is not repeated. Needs Python 3 only.
"""
import argparse
import concurrent.futures
import json
import math
import pathlib
import statistics
import subprocess

# Two-sided 95 % points of Student's t for 1, 2, ... degrees of freedom.
T95 = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
       2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042]

root = pathlib.Path(__file__).resolve().parents[2]
parser = argparse.ArgumentParser()
parser.add_argument("--states", nargs="+", default=["fp32", "blockwise8"])
parser.add_argument("--seeds", type=int, default=10)
parser.add_argument("--first-seed", type=int, default=1)
parser.add_argument("--epochs", type=int, default=50)
parser.add_argument("--device", default="cpu")
parser.add_argument("--jobs", type=int, default=2)
parser.add_argument("--octet", default=root / "build/octet")
parser.add_argument("--data", type=pathlib.Path, default=root / "../shared/data")
parser.add_argument("--out", type=pathlib.Path, default=root / "build/paired-seeds")
args = parser.parse_args()


def run(state, seed):
    codec, *flags = state.split()
    folder = args.out / f"{'_'.join([codec, *flags]).replace('--', '')}-{seed}-{args.epochs}-{args.device}"
    log = folder / "log.jsonl"
    if not (log.exists() and '"event":"end"' in log.read_text()):
        subprocess.run(["rm", "-rf", folder], check=True)
        subprocess.run([args.octet, "train", "sms", "--state", codec, *flags, "--seed", str(seed), "--epochs", str(args.epochs),
                        "--threads", "1", "--device", args.device, "--data", args.data, "--out", folder], check=True, stdout=subprocess.DEVNULL)
    events = [json.loads(line) for line in log.read_text().splitlines()]
    epochs = [event for event in events if event["event"] == "epoch"]
    best = min(epochs, key=lambda event: event["val_loss"])
    print(f"{state} seed {seed}: val loss {epochs[-1]['val_loss']:.4f}, accuracy {100 * epochs[-1]['val_accuracy']:.2f} %, "
          f"lowest {best['val_loss']:.4f} at epoch {best['epoch']}", flush=True)
    return epochs[-1]["val_loss"], epochs[-1]["val_accuracy"], best["val_loss"], best["epoch"]


seeds = range(args.first_seed, args.first_seed + args.seeds)
with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
    jobs = {(state, seed): pool.submit(run, state, seed) for seed in seeds for state in args.states}
results = {state: [jobs[state, seed].result() for seed in seeds] for state in args.states}


def interval(values):
    mean = statistics.mean(values)
    return mean, T95[len(values) - 2] * statistics.stdev(values) / math.sqrt(len(values))


reference = [row[0] for row in results[args.states[0]]]
print(f"\n{args.seeds} seeds, {args.epochs} epochs")
for state, rows in results.items():
    loss, half = interval([row[0] for row in rows])
    print(f"{state:18} val loss {loss:.4f} +- {half:.4f}  accuracy {100 * statistics.mean(r[1] for r in rows):.2f} %  "
          f"lowest {statistics.mean(r[2] for r in rows):.4f} near epoch {statistics.mean(r[3] for r in rows):.0f}")
    if state != args.states[0]:
        mean, half = interval([row[0] - base for row, base in zip(rows, reference)])
        scale = 100 / statistics.mean(reference)
        print(f"{'':18} minus {args.states[0]}: {mean:+.4f} [{mean - half:+.4f}, {mean + half:+.4f}], "
              f"{mean * scale:+.1f} % [{(mean - half) * scale:+.1f}, {(mean + half) * scale:+.1f}]")
