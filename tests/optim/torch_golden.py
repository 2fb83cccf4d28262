#!/usr/bin/env python3
"""Prints the rows of kTorch in rule_test.cpp: three weights after 20 steps of torch.optim in double.

Needs PyTorch; 2.11 made the numbers.
"""

import math

import torch

STEPS = 20
RUNS = [
    ("sgd", torch.optim.SGD, {}),
    ("momentum", torch.optim.SGD, {"momentum": 0.9}),
    ("momentum", torch.optim.SGD, {"momentum": 0.9, "dampening": 0.3}),
    ("momentum", torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    ("adam", torch.optim.Adam, {}),
    ("adamw", torch.optim.AdamW, {}),
    ("rmsprop", torch.optim.RMSprop, {}),
    ("rmsprop", torch.optim.RMSprop, {"momentum": 0.9}),
    ("rmsprop", torch.optim.RMSprop, {"momentum": 0.9, "centered": True}),
    ("adagrad", torch.optim.Adagrad, {}),
]


def gradient(i, t):
    return math.sin(1.7 * i + 0.9 * t) * 10.0**-i


for rule, make, options in RUNS:
    w = torch.tensor([0.5, -0.25, 0.125], dtype=torch.float64, requires_grad=True)
    optimizer = make([w], lr=3e-3, weight_decay=0.02, foreach=False, **options)
    for t in range(1, STEPS + 1):
        w.grad = torch.tensor([gradient(i, t) for i in range(3)], dtype=torch.float64)
        optimizer.step()
    fields = ", ".join(f".{k} = {str(v).lower()}" for k, v in options.items())
    values = ", ".join(repr(x) for x in w.tolist())
    print(f'    {{"{rule}", {{{fields}}}, {{{values}}}}},')
