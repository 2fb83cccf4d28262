#!/usr/bin/env python3
"""Writes metrics_golden.json: what scikit-learn says of made-up labels and predictions.

Needs scikit-learn; the file names the version that made it.
"""

import json
import pathlib
import random

import numpy as np
import sklearn
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_recall_fscore_support
from sklearn.utils.class_weight import compute_class_weight

rng = random.Random(6)


def case(name, classes, labels, predictions):
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, predictions, labels=range(classes), zero_division=0
    )
    present = sorted(set(labels))
    return {
        "name": name,
        "classes": classes,
        "labels": labels,
        "predictions": predictions,
        "confusion": confusion_matrix(labels, predictions, labels=range(classes)).tolist(),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "support": support.tolist(),
        "accuracy": accuracy_score(labels, predictions),
        "macro_f1": f1_score(labels, predictions, average="macro", zero_division=0),
        "weighted_f1": f1_score(labels, predictions, average="weighted", zero_division=0),
        "balanced": compute_class_weight("balanced", classes=np.array(present), y=np.array(labels)).tolist()
        if len(present) == classes
        else None,
    }


def noisy(shares, rows, right):
    labels = rng.choices(range(len(shares)), shares, k=rows)
    return labels, [y if rng.random() < right else rng.randrange(len(shares)) for y in labels]


smile = [c for c, n in enumerate([171, 32, 9, 1, 5, 5]) for _ in range(n)]
cases = [
    case("two classes, one rare", 2, *noisy([87, 13], 200, 0.8)),
    case("six classes, unbalanced", 6, *noisy([70, 14, 6, 4, 3, 3], 300, 0.7)),
    case("all right", 3, [0, 1, 2, 1], [0, 1, 2, 1]),
    case("all wrong", 3, [0, 1, 2, 1], [1, 2, 0, 0]),
    case("a class that is never predicted", 3, [0, 1, 2, 2, 1, 0], [0, 1, 1, 1, 1, 0]),
    case("a class without rows, but predicted", 3, [0, 1, 0, 1], [0, 2, 0, 1]),
    case("a class that nothing names", 4, [0, 1, 3, 1], [0, 3, 3, 1]),
    case("SMILE validation, always happy", 6, smile, [0] * len(smile)),
]
out = pathlib.Path(__file__).with_name("metrics_golden.json")
with out.open("w") as f:
    f.write('{"scikit-learn": %s, "cases": [\n' % json.dumps(sklearn.__version__))
    f.write(",\n".join(json.dumps(c) for c in cases) + "\n]}\n")
