#!/usr/bin/env python3
"""Makes python_text_golden.jsonl and stratified_split_golden.jsonl beside this script.

The first: [text, text.lower(), words] for texts that are hard to lower-case or to split; words are those of
text.lower().split(), each cleaned as datasets/review_words.h says. Only characters that Python's Unicode tables
know, so that newer tables agree. Made with Python 3.11.7 (Unicode 14.0).

The second: splits as scikit-learn draws them. Made with scikit-learn 1.9.1 and NumPy 2.4.6.
"""
import json
import pathlib
import random
import re
import sys
import unicodedata

import numpy
from sklearn.model_selection import train_test_split

HERE = pathlib.Path(__file__).parent


def clean(word):
    word = re.sub(r"[^\w\s]", "", word)
    word = re.sub(r"\s+", "", word)
    return re.sub(r"\d", "", word)


def texts():
    yield from ["", " ", "Σ", "ΑΣ", "ΑΣΑ", "ΑΣ Α", "Α'Σ", "ΑΣ'Α", "ΑΣ.", "1Σ", "ΑΣ\u0301Α", "Α\u0301Σ", "\u02b0Σ",
                "Α\u02b0Σ", "ⅠΣ", "ªΣ", "ΑΣⅠ", "中Σ", "ΣΣΣ", "\u0130", "A\u0130B", "ẞß", "ǅ", "\u1f88", "ﬀ", "Ω",
                "a\u0085b", "a\u001cb", "a\u200bb", "a\u2028\u2029b", "\ufeffA", "a_B1²½", "<br", "10/10!"]
    rng = random.Random(6)
    known = [c for c in map(chr, range(0x110000)) if unicodedata.category(c) not in ("Cn", "Cs", "Co")]
    spaces = [c for c in known if c.isspace()]
    cased = [c for c in known if c.lower() != c]
    ignorable = [c for c in known if ("a" + c + "Σ").lower()[-1] == "ς" and (c + "Σ").lower()[-1] == "σ"]
    odd = [c for c in known if (c + "Σ").lower()[-1] == "ς" and unicodedata.category(c) not in ("Lu", "Ll", "Lt")]
    marks = [c for c in ignorable if unicodedata.category(c)[0] == "P"]
    every = [spaces, cased, ignorable, odd, marks, known, ["Σ"], list("aB3_'.-")]
    yield from ("x" + c + "y" for c in spaces)
    yield from (c + "Σ" + d for c in odd[::7] + marks for d in ("", "a", ".a"))
    for _ in range(1500):
        yield "".join(rng.choice(rng.choice(every)) for _ in range(rng.randint(1, 14)))


def splits():
    rng = random.Random(7)
    cases = [([0, 0, 1, 1], 0.5, 0), ([0, 1] * 10, 0.25, 2021), ([0] * 4 + [1] * 4 + [2] * 4, 0.34, 42)]
    for _ in range(40):
        labels = [label for label in range(rng.randint(2, 9)) for _ in range(rng.randint(2, 12))]
        rng.shuffle(labels)
        cases.append((labels, rng.choice([0.15, 0.25, 0.4, 0.5, 0.1, 0.33]), rng.randint(0, 2**32 - 1)))
    # Classes without rows, as where a rare label is missing from a file.
    cases.append(([0, 3, 3, 0, 5, 5, 5, 0] * 3, 0.3, 7))
    for labels, share, seed in cases:
        try:
            train, validation = train_test_split(
                numpy.arange(len(labels)), test_size=share, random_state=seed, stratify=labels)
        except ValueError:
            continue
        yield {"labels": labels, "share": share, "seed": seed,
               "train": train.tolist(), "validation": validation.tolist()}


def main():
    with open(HERE / "python_text_golden.jsonl", "w") as out:
        for text in texts():
            lowered = text.lower()
            out.write(json.dumps([text, lowered, [clean(word) for word in lowered.split()]]) + "\n")
    with open(HERE / "stratified_split_golden.jsonl", "w") as out:
        for case in splits():
            out.write(json.dumps(case) + "\n")


if __name__ == "__main__":
    sys.exit(main())
