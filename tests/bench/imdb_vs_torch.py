#!/usr/bin/env python3
"""An epoch of the IMDB experiment's shape with PyTorch and with octet, in turns: seconds, the ratio, peak memory.

    tests/bench/imdb_vs_torch.py [--device cuda] [--layers 2 4 6] [--states fp32 blockwise8] [--precision fp32]
                                 [--steps 750] [--evaluations 250] [--epochs 2] [--build build]

Both sides train on 750 batches of 50 texts of 500 random ids and evaluate 250 more: embedding 64, unidirectional
LSTM of width 64, dropout 0.3 before the linear layer, Adam with lr 1e-3, gradients clipped at norm 5. Batches
start in host memory. Losses are summed on the device and read once. The table has the fastest epoch.

--precision tf32 lets PyTorch use TF32 as well; bf16 is octet's alone, beside PyTorch in fp32.
A quick look: --steps 30 --evaluations 10. Needs Python 3 with torch and octet's target bench_imdb_epoch.
"""
import argparse
import json
import pathlib
import subprocess
import time

import torch
from torch import nn

root = pathlib.Path(__file__).resolve().parents[2]
parser = argparse.ArgumentParser()
parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda")
parser.add_argument("--layers", type=int, nargs="+", default=[2, 4, 6])
parser.add_argument("--states", nargs="+", default=["fp32", "blockwise8"])
parser.add_argument("--precision", choices=["fp32", "tf32", "bf16"], default="fp32")
parser.add_argument("--steps", type=int, default=750)
parser.add_argument("--evaluations", type=int, default=250)
parser.add_argument("--epochs", type=int, default=2)
parser.add_argument("--threads", type=int, default=0, help="of the CPU; 0: all")
parser.add_argument("--build", type=pathlib.Path, default=root / "build")
args = parser.parse_args()

VOCABULARY, BATCH, LENGTH = 1001, 50, 500
on_gpu = args.device == "cuda"


class Classifier(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 64)
        self.lstm = nn.LSTM(64, 64, num_layers=layers, batch_first=True)
        self.dropout = nn.Dropout(0.3)
        self.fc = nn.Linear(64, 1)

    def forward(self, ids):
        _, (hidden, _) = self.lstm(self.embedding(ids))
        return self.fc(self.dropout(hidden[-1])).squeeze(1)


def synchronize():
    if on_gpu:
        torch.cuda.synchronize()


def run_torch(layers):
    """Seconds of each epoch, and the largest number of bytes that were allocated on the GPU."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = args.precision == "tf32"
    torch.manual_seed(1)
    if on_gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    device = torch.device(args.device)
    model, loss_of = Classifier(layers).to(device), nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    batches = [(torch.randint(VOCABULARY, (BATCH, LENGTH)), torch.randint(2, (BATCH,)).float()) for _ in range(50)]
    if on_gpu:
        batches = [(ids.pin_memory(), labels.pin_memory()) for ids, labels in batches]

    def batch(i):
        ids, labels = batches[i % len(batches)]
        return ids.to(device, non_blocking=True), labels.to(device, non_blocking=True)

    def step(i):
        ids, labels = batch(i)
        optimizer.zero_grad()
        loss = loss_of(model(ids), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5)
        optimizer.step()
        return loss.detach()

    @torch.no_grad()
    def evaluate(i):
        ids, labels = batch(i)
        return loss_of(model(ids), labels)

    for i in range(3):
        step(i)
    seconds = []
    for _ in range(args.epochs):
        synchronize()
        start = time.perf_counter()
        model.train()
        total = torch.zeros((), device=device)
        for i in range(args.steps):
            total += step(i)
        model.eval()
        for i in range(args.evaluations):
            total += evaluate(i)
        total.item()
        synchronize()
        seconds.append(time.perf_counter() - start)
    return seconds, torch.cuda.max_memory_allocated() if on_gpu else None


def run_octet(layers, state):
    command = [args.build / "tests/bench_imdb_epoch", "--device", args.device, "--layers", layers, "--state", state,
               "--precision", args.precision, "--steps", args.steps, "--evaluations", args.evaluations,
               "--epochs", args.epochs, "--threads", args.threads]
    lines = subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True).stdout
    events = [json.loads(line) for line in lines.splitlines()]
    return [event["seconds"] for event in events], events[-1]["peak_bytes"]


def mib(count):
    return "-" if count is None else f"{count / 2**20:.1f}"


def main():
    if args.threads:
        torch.set_num_threads(args.threads)
    name = torch.cuda.get_device_name() if on_gpu else "CPU"
    print(f"PyTorch {torch.__version__} on {name}, cuDNN {torch.backends.cudnn.version()}; {args.steps} steps and "
          f"{args.evaluations} evaluations of {BATCH} x {LENGTH}, {args.precision}, fastest of {args.epochs}")
    print(f"{'layers':>6}  {'program':18}{'s/epoch':>9}{'x PyTorch':>11}{'peak MiB':>10}", flush=True)
    for layers in args.layers:
        seconds, peak = run_torch(layers)
        base = min(seconds)
        print(f"{layers:6}  {'PyTorch fp32':18}{base:9.3f}{1:11.2f}{mib(peak):>10}", flush=True)
        for state in args.states:
            seconds, peak = run_octet(layers, state)
            print(f"{layers:6}  {'octet ' + state:18}{min(seconds):9.3f}{base / min(seconds):11.2f}{mib(peak):>10}",
                  flush=True)


if __name__ == "__main__":
    main()
