#!/usr/bin/env python3
"""A step of Adam by octet, by PyTorch's fused Adam and, where it is installed, by bitsandbytes' Adam8bit, on the same
machine in turns.

    tests/bench/optimizer_vs_torch.py [--device cpu|cuda] [--states fp32,bf16,blockwise8] [--threads 2] [--rounds 5]
                                      [SIZE|bert-base|sms...]

Needs PyTorch and a build of octet. A size is one tensor, a name a model's shapes. Each round times all of them; the
table shows the fastest of all rounds and the median over rounds of each round's fastest. A step is the update alone:
octet's norm pass (clipping, and the check for values that are not finite; `octet bench optimizer` prints it) and clearing
gradients are in none.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import time

import torch

try:
    import bitsandbytes
except ImportError:
    bitsandbytes = None


def bert_base():
    layer = [(768, 768), (768,)] * 4 + [(768,), (768,), (3072, 768), (3072,), (768, 3072), (768,), (768,), (768,)]
    return [(30522, 768), (512, 768), (2, 768), (768,), (768,)] + layer * 12 + [(768, 768), (768,)]


def sms():
    layers = [[(256, width), (256, 64), (256,), (256,)] * 2 for width in (100, 128)]
    return [(1751, 100)] + layers[0] + layers[1] + [(1, 128), (1,)]


MODELS = {"bert-base": bert_base, "sms": sms}


def step_ms(make, shapes, device):
    """The fastest step of an optimizer, in ms; on a GPU of runs of some 5 ms with one wait at their end."""
    generator = torch.Generator(device).manual_seed(1)
    weights = [torch.nn.Parameter(torch.zeros(shape, device=device)) for shape in shapes]
    for weight in weights:
        weight.grad = torch.randn(weight.shape, generator=generator, device=device) * torch.exp(
            6 * torch.rand(weight.shape, generator=generator, device=device) - 8)
    optimizer = make(weights)
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None

    def run(calls):
        wait()
        start = time.perf_counter()
        for _ in range(calls):
            optimizer.step()
        wait()
        return (time.perf_counter() - start) / calls

    run(2)
    calls = max(1, int(5e-3 / run(2))) if device == "cuda" else 1
    return 1e3 * min(run(calls) for _ in range(10))


parser = argparse.ArgumentParser()
parser.add_argument("cases", nargs="*", default=["359549", "10000000", "50000000"])
parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
parser.add_argument("--states", default="fp32,bf16,blockwise8")
parser.add_argument("--octet", default=pathlib.Path(__file__).resolve().parents[2] / "build/octet")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--rounds", type=int, default=5)
args = parser.parse_args()
torch.set_num_threads(args.threads)
others = {"PyTorch fp32 fused": lambda weights: torch.optim.Adam(weights, lr=1e-3, fused=True)}
if bitsandbytes:
    others["bitsandbytes 8-bit"] = lambda weights: bitsandbytes.optim.Adam8bit(weights, lr=1e-3)
print(f"PyTorch {torch.__version__}, bitsandbytes {bitsandbytes.__version__ if bitsandbytes else 'not installed'}, "
      f"{args.device}, {args.threads} threads, {args.rounds} rounds; ms a step: fastest (median)")
for case in args.cases:
    shapes = MODELS[case]() if case in MODELS else [(int(case),)]
    rows, copies = {}, []
    for _ in range(args.rounds):
        for name, make in others.items():
            rows.setdefault(name, []).append(step_ms(make, shapes, args.device))
        lines = subprocess.run(
            [args.octet, "bench", "optimizer", "--json", "--optimizer", "adam", "--state", args.states, "--device",
             args.device, "--threads", str(args.threads), "--shapes" if case in MODELS else "--params", case],
            check=True, capture_output=True, text=True).stdout.splitlines()
        for line in map(json.loads, lines):
            rows.setdefault("octet " + line["state"], []).append(line["ms"])
            copies.append(line["copy_gbps"])
    parameters = sum(torch.Size(shape).numel() for shape in shapes)
    print(f"\n{case}: {parameters:,} parameters in {len(shapes)} tensors (copy {max(copies):.0f} GB/s)")
    best = min(rows["PyTorch fp32 fused"])
    for name, values in rows.items():
        print(f"  {name:18} {min(values):9.4f} ({statistics.median(values):9.4f})  {best / min(values):6.2f}x")
