#!/usr/bin/env python3
"""An Adam step of octet beside PyTorch's fused CPU Adam, on the same machine in turns.

    tests/bench/optimizer_vs_torch.py [--build build] [--threads 2] [--rounds 5] [SIZE...]

Needs PyTorch and a build of octet (target bench_optimizer_step). Each round times PyTorch, then octet with every
state codec; the table shows the fastest repetition of all rounds and the median over rounds of each round's fastest.
PyTorch's step is `torch.optim.Adam(fused=True)`; octet's is the update, and its norm pass (clipping and the check for
values that are not finite, which PyTorch does not do) is a column of its own.
"""
import argparse
import json
import os
import statistics
import subprocess
import time

import torch


def torch_ms(size, repetitions):
    weight = torch.nn.Parameter(torch.zeros(size))
    generator = torch.Generator().manual_seed(1)
    weight.grad = torch.randn(size, generator=generator) * torch.exp(6 * torch.rand(size, generator=generator) - 8)
    optimizer = torch.optim.Adam([weight], lr=1e-3, fused=True)
    times = []
    for i in range(repetitions + 2):
        start = time.perf_counter()
        optimizer.step()
        if i >= 2:
            times.append(time.perf_counter() - start)
    return min(times) * 1e3


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("sizes", nargs="*", type=int, default=[359549, 10_000_000, 50_000_000])
    parser.add_argument("--build", default=os.path.join(os.path.dirname(__file__), "..", "..", "build"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    program = os.path.join(args.build, "tests", "bench_optimizer_step")
    print(f"PyTorch {torch.__version__}, {args.threads} threads, {args.rounds} rounds; ms a step: fastest (median)")
    for size in args.sizes:
        rows = {"torch fp32 fused": []}
        norms, copies = [], []
        for _ in range(args.rounds):
            rows["torch fp32 fused"].append(torch_ms(size, 300 if size < 1_000_000 else 15))
            lines = subprocess.run([program, "--threads", str(args.threads), str(size)], check=True,
                                   capture_output=True, text=True).stdout.splitlines()
            for line in map(json.loads, lines):
                rows.setdefault("octet " + line["state"], []).append(line["ms"])
                norms.append(line["norm_ms"])
                copies.append(line["copy_gbps"])
        print(f"\n{size} parameters (copy {max(copies):.1f} GB/s, norm pass {min(norms):.3f} ms)")
        best = min(rows["torch fp32 fused"])
        for name, values in rows.items():
            print(f"  {name:18} {min(values):9.4f} ({statistics.median(values):9.4f})  "
                  f"{min(values) * 1e6 / size:7.3f} ns/parameter  {best / min(values):5.2f}x")


if __name__ == "__main__":
    main()
