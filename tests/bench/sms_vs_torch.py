#!/usr/bin/env python3
"""Trains the SMS experiment with PyTorch and with octet, side by side, and prints seconds an epoch, losses and memory.

    tests/bench/sms_vs_torch.py [--device cpu|cuda] [--epochs N] [--threads N] [--seed N] [--octet build/octet]
                                [--data DIR] [--golden DIR]

Both sides use the same split, vocabulary and tokens, batches of 64 bucketed by length, packed sequences, Adam with
lr 1e-4. On a GPU PyTorch uses cuDNN without TF32, and memory is the largest number of bytes allocated there. Needs
Python 3 with torch; octet itself does not.
"""
import argparse
import json
import lzma
import pathlib
import random
import statistics
import subprocess
import tempfile
import time

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

root = pathlib.Path(__file__).resolve().parents[2]
parser = argparse.ArgumentParser()
parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--seed", type=int, default=2021)
parser.add_argument("--octet", default=root / "build/octet")
parser.add_argument("--data", type=pathlib.Path, default=root / "../shared/data")
parser.add_argument("--golden", type=pathlib.Path, default=root / "../shared/golden")
args = parser.parse_args()
on_gpu = args.device == "cuda"


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(1751, 100, padding_idx=1)
        self.lstm = nn.LSTM(100, 64, num_layers=2, bidirectional=True, dropout=0.2, batch_first=True)
        self.fc = nn.Linear(128, 1)

    def forward(self, ids, lengths):
        packed = pack_padded_sequence(self.embedding(ids), lengths, batch_first=True)
        _, (hidden, _) = self.lstm(packed)
        return self.fc(torch.cat((hidden[-2], hidden[-1]), dim=1)).squeeze(1)


def load():
    words = (args.golden / "sms_vocab.txt").read_text().split("\n")[:1751]
    ids = {word: i for i, word in enumerate(words)}
    with lzma.open(args.golden / "sms_csv_spacy_tokens.jsonl.xz", "rt") as lines:
        rows = [[ids.get(token, 0) for token in json.loads(line)] or [0] for line in lines]
    uci = (args.data / "SMSSpamCollection").read_text().split("\n")
    labels = [float(line.startswith("spam")) for line in uci[: len(rows)]]
    parts = {"train": [], "validation": []}
    for line in (args.golden / "sms_split.csv").read_text().split("\n")[1:]:
        if line:
            _, row, part = line.split(",")
            parts[part].append((rows[int(row)], labels[int(row)]))
    return parts["train"], parts["validation"]


def batches(texts, shuffle):
    texts = list(texts)
    if shuffle:
        random.shuffle(texts)
    texts.sort(key=lambda text: len(text[0]))
    cut = [texts[i : i + 64] for i in range(0, len(texts), 64)]
    if shuffle:
        random.shuffle(cut)
    for batch in cut:
        batch = sorted(batch, key=lambda text: -len(text[0]))
        lengths = [len(ids) for ids, _ in batch]
        padded = torch.ones(len(batch), lengths[0], dtype=torch.long)
        for i, (ids, _) in enumerate(batch):
            padded[i, : len(ids)] = torch.tensor(ids)
        labels = torch.tensor([label for _, label in batch])
        yield padded.to(args.device), lengths, labels.to(args.device)


def run_torch():
    torch.set_num_threads(args.threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.manual_seed(args.seed)
    random.seed(args.seed)
    train, validation = load()
    model, loss_of = Classifier().to(args.device), nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, fused=True)
    results = []
    for _ in range(args.epochs):
        start = time.perf_counter()
        model.train()
        for ids, lengths, labels in batches(train, True):
            optimizer.zero_grad()
            loss = loss_of(model(ids, lengths), labels)
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            losses = [loss_of(model(ids, n), labels).item() for ids, n, labels in batches(validation, False)]
        if on_gpu:
            torch.cuda.synchronize()
        results.append((time.perf_counter() - start, statistics.mean(losses)))
        print(f"PyTorch {torch.__version__}  epoch {len(results)}  {results[-1][0]:.3f} s  val loss {results[-1][1]:.4f}",
              flush=True)
    return results, torch.cuda.max_memory_allocated() if on_gpu else None


def run_octet(state):
    with tempfile.TemporaryDirectory() as folder:
        command = [args.octet, "train", "sms", "--state", state, "--epochs", str(args.epochs), "--seed", str(args.seed),
                   "--threads", str(args.threads), "--device", args.device, "--data", args.data,
                   "--out", folder + "/run"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        events = [json.loads(line) for line in open(folder + "/run/log.jsonl")]
    epochs = [(event["seconds"], event["val_loss"]) for event in events if event["event"] == "epoch"]
    return epochs, events[-1]["peak_bytes"]


sides = {"octet fp32": run_octet("fp32"), "octet blockwise8": run_octet("blockwise8"), "PyTorch fp32": run_torch()}
fastest = min(s for s, _ in sides["PyTorch fp32"][0])
print(f"\n{args.device + ', ' + str(args.epochs) + ' epochs':18}{'s/epoch, median':>16}{'fastest':>10}{'x PyTorch':>11}"
      f"{'val loss, last':>16}{'lowest':>10}{'at epoch':>10}{'peak MiB':>10}")
for name, (results, peak) in sides.items():
    seconds, losses = [s for s, _ in results], [l for _, l in results]
    print(f"{name:18}{statistics.median(seconds):16.3f}{min(seconds):10.3f}{fastest / min(seconds):11.2f}"
          f"{losses[-1]:16.4f}{min(losses):10.4f}{losses.index(min(losses)) + 1:10}"
          f"{'-' if peak is None else format(peak / 2**20, '.1f'):>10}")
