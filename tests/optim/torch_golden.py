#!/usr/bin/env python3
"""Prints the rows of kTorch in rule_test.cpp: three weights after 20 steps of torch.optim in double; and those
of a matrix of 4 rows and 3 columns in matrix_test.cpp and, with Muon, in muon_test.cpp.

Needs PyTorch; 2.11 made the numbers, 2.15 those of Adafactor and Muon. PyTorch's Muon makes its products in
bfloat16 whatever the weights are, so its own function for them is compiled again here with float64 in its place.
"""

import inspect
import math

import torch
from torch.optim import _muon

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
    ("adafactor", torch.optim.Adafactor, {}),
]


def gradient(i, t):
    return math.sin(1.7 * i + 0.9 * t) * 10.0**-i


for rule, make, options in RUNS:
    w = torch.tensor([0.5, -0.25, 0.125], dtype=torch.float64, requires_grad=True)
    if rule == "adafactor":
        options = {"eps": (1e-30, 1e-3)}
    optimizer = make([w], lr=3e-3, weight_decay=0.02, foreach=False, **options)
    for t in range(1, STEPS + 1):
        w.grad = torch.tensor([gradient(i, t) for i in range(3)], dtype=torch.float64)
        optimizer.step()
    if rule == "adafactor":
        options = {}
    fields = ", ".join(f".{k} = {str(v).lower()}" for k, v in options.items())
    values = ", ".join(repr(x) for x in w.tolist())
    print(f'    {{"{rule}", {{{fields}}}, {{{values}}}}},')

w = torch.tensor([[math.cos(1.3 * i) for i in range(3 * r, 3 * r + 3)] for r in range(4)], dtype=torch.float64)
w.requires_grad_()
optimizer = torch.optim.Adafactor([w], lr=3e-3, weight_decay=0.02, eps=(1e-30, 1e-3), foreach=False)
for t in range(1, STEPS + 1):
    w.grad = torch.tensor([gradient(i, t) for i in range(12)], dtype=torch.float64).reshape(4, 3)
    optimizer.step()
print("matrix", ", ".join(repr(x) for x in w.flatten().tolist()))


PRODUCTS = inspect.getsource(_muon._zeropower_via_newtonschulz)


def muon(products, w, gradients):
    exec(PRODUCTS.replace("torch.bfloat16", products), _muon.__dict__)
    optimizer = torch.optim.Muon([w], lr=3e-3, weight_decay=0.02, adjust_lr_fn="match_rms_adamw")
    for g in gradients:
        w.grad = g
        optimizer.step()
    return ", ".join(repr(x) for x in w.flatten().tolist())


for products in ("torch.float64", "torch.bfloat16"):
    for rows, columns in ((4, 3), (3, 4)):
        w = torch.tensor([math.cos(1.3 * i) for i in range(12)], dtype=torch.float64).reshape(rows, columns)
        gradients = [
            torch.tensor([math.sin(1.7 * i * i + 0.9 * t) for i in range(12)], dtype=torch.float64).reshape(rows, columns)
            for t in range(1, STEPS + 1)
        ]
        print("muon", products, rows, columns, muon(products, w.requires_grad_(), gradients))
