#!/usr/bin/env python3
"""Counts the findings in a log of compute-sanitizer: ours, and those in kernels of NVIDIA's libraries.

    tests/cuda/sanitizer_findings.py LOG EXCLUSIONS

Prints one line, `N findings, M in excluded kernels`, after it the names of excluded kernels with their counts, and
before it every finding that is ours. Ends with 0 if there is none and the tool came to its end.
"""
import collections
import pathlib
import re
import sys

PREFIX = "========="


def findings(lines):
    """Blocks of a headline and the indented lines below it."""
    block = []
    for line in lines:
        if not line.startswith(PREFIX):
            continue
        text = line[len(PREFIX):].rstrip()
        if text.startswith("     "):
            if block:
                block.append(text.strip())
            continue
        if len(block) > 1:
            yield block
        block = [text.strip()] if text.strip() else []
    if len(block) > 1:
        yield block


def places(block):
    """Names of the kernels of a finding; where it has none, the library that made the call."""
    names = []
    for line in block:
        if line.startswith("Host Frame") or line.startswith("Saved host backtrace"):
            break
        # `at name(int *)+0x10 in file.cu:3`; in older versions without an offset.
        names += re.findall(r"\bat (?!0x)(?:void )?([A-Za-z_(<].*?)(?:\+0x[0-9a-f]+| in |:0x[0-9a-f]+|$)", line)
    if names:
        return names
    for line in block:
        frame = re.search(r"Host Frame:.* in (?:\S*/)?(\S+)", line)
        if frame and not re.match(r"libcuda\.|libcudart|libc\.|libpthread|libstdc", frame[1]):
            return [frame[1]]
    return []


def excluded(names, patterns):
    return bool(names) and all("octet::" not in name and any(p.match(name) for p in patterns) for name in names)


def main():
    log, exclusions = map(pathlib.Path, sys.argv[1:])
    patterns = [re.compile(line) for line in exclusions.read_text().splitlines() if line and not line.startswith("#")]
    lines = log.read_text(errors="replace").splitlines()
    ours, theirs = [], collections.Counter()
    for block in findings(lines):
        names = places(block)
        if excluded(names, patterns):
            theirs[names[0].split("(")[0][:60]] += 1
        else:
            ours.append(block)
    for block in ours[:10]:
        print("\n    ".join(block[:12]))
    if len(ours) > 10:
        print(f"... and {len(ours) - 10} more")
    text = "\n".join(lines)
    summary = re.search(r"(ERROR|RACECHECK) SUMMARY: (\d+)", text)
    whole = bool(summary) and "not printed" not in text and "Internal Sanitizer Error" not in text
    if not whole:
        print("the tool did not come to its end, or has not shown all that it found")
    elif int(summary[2]) > 0 and not ours and not theirs:
        whole = False
        print(f"its summary has {summary[2]} findings that this script does not understand")
    print(f"{len(ours)} findings, {sum(theirs.values())} in excluded kernels"
          + "".join(f"; {name} {count}" for name, count in theirs.most_common(3)))
    sys.exit(0 if whole and not ours else 1)


if __name__ == "__main__":
    main()
