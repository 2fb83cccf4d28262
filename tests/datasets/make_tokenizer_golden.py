#!/usr/bin/env python3
"""Writes tokenizer_golden.jsonl: texts with the tokens that spaCy 3.8 makes of them.

    pip install 'spacy==3.8.*' && python3 tests/datasets/make_tokenizer_golden.py

The texts are the lines of tokenizer_sentences.txt, the odd white space below, and families that put one kind of word
into many surroundings. A line of the result is [text, token, token, ...] in ASCII JSON.
"""

import json
import pathlib

import spacy

FOLDER = pathlib.Path(__file__).parent

ODD_WHITE_SPACE = [
    "", " ", "  ", "   ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "\u2003", "\u200b",
    " a", "  a", "a ", "a  ", "a   ", " a ", "  a  ", "\ta", "a\t", "a\tb", "a \tb", "a\t b", "a \t b", "a\t\tb",
    "a\nb", "a \nb", "a\n b", "a\n\nb", "a \n \n b", "a\r\nb", "a\rb", "a\u00a0b", "a \u00a0b", "a\u00a0 b",
    "a\u00a0\u00a0b", "5\u00a0km", "a\u2009b", "a\u202fb", "a\u3000b", "a\u2028b", "a\u2029b", "a\x85b", "a\x1cb",
    "a\x1fb", "a\x0bb", "a\x0cb", "a\u1680b", "a\u180eb", "a\u200bb", "a\u2060b", "\ufeffa", "a\ufeffb", "a\x00b",
    "\x00", "a \x00 b", "a\x07b", "Hello.  How are you?  Fine.", "Tab\tseparated\tvalues\t5km\t10am",
    "line one.\nline two!\n\nline four?\n", "  indented\n    more\n", "trailing blanks   \n", "don't\tdon't\ndon't",
    ":)\n:(\t:D  xD", ": )", ":  )", "( :", "8 )", "< 3", "a. m.", "he 's", "can not", "10 am", "U. S. A.", "' s",
    "let 's", "o. O", "( ^_^ )", "^_^ ^_^  ^_^", ":-) :-)  :-)", "and /or", "w/ o", "(: )", "( :)", "( ': )", "vs .",
    "a\u00a0:)", "\u00a0don't\u00a0", "\u00a0\u00a05km", "e\u0301t\u00e9 \u0301", "\u0301", "a\u0301. b\u0301,c",
]

CONTRACTIONS = ["don't", "it's", "I'm", "They'll've", "y'all", "c'mon", "ol'", "'em", "cannot", "cant", "o'clock"]
EMOTICONS = [":)", ":-(", ";D", "xD", "<3", "o_O", "(^_^)", ":'(", "=|", "8-)", ">.<", "(\u00ac_\u00ac)"]
ABBREVIATIONS = ["Mr.", "e.g.", "a.m.", "U.S.", "Ph.D.", "vs.", "10a.m.", "x.", "No.", "\u00b0C."]
WORDS = CONTRACTIONS + EMOTICONS + ABBREVIATIONS
SURROUNDINGS = ["({})", "\"{}\"", "'{}'", "\u2018{}\u2019", "\u201c{}\u201d", "{}.", "{}...", "{},", "{}!?", "{}'s",
                "-{}-", "a-{}", "{}-a", "a{}", "{}a", "5{}", "{}5", "/{}/", "{0}{0}", "{0}.{0}", "{0},{0}", "[{}]:",
                "${}", "{}\u2026", "\u2014{}\u2014", "#{}", "*{}*", "{};", "\U0001f600{}", "{}\u20ac", "'{}", "{}'"]
SINGLES = [chr(c) for c in range(0x21, 0x7f)] + list(
    "\u00a1\u00a7\u00a9\u00ab\u00ac\u00b0\u00b1\u00b2\u00b4\u00b5\u00b7\u00bb\u00bd\u00bf\u00d7\u00df\u00e9\u00c9"
    "\u0414\u0434\u03a9\u03c9\u05d0\u0627\u060c\u061f\u066a\u06d4\u0905\u0964\u0e01\u1100\u2013\u2014\u2018\u2019"
    "\u201a\u201e\u2026\u20ac\u2122\u2190\u2264\u2605\u263a\u27e6\u3001\u3002\u300c\u3042\u30a2\u4e2d\uac00\uff01"
    "\uff08\uff0c\uff1a\uff5e\ufffd\U0001f600\U0001f972\U00020000")
# Every single character at the start, at the end and inside of words, before a full stop, and next to digits.
AROUND_SINGLE = "{0} {0}ab ab{0} ab{0}cd AB{0}CD 5{0} {0}5 5{0}5 5{0}x x{0}5 ab{0}. AB{0}. a.{0}b {0}.Ab {0}{0} ({0})"


def texts():
    yield from (FOLDER / "tokenizer_sentences.txt").read_text(encoding="utf-8").removesuffix("\n").split("\n")
    yield from ODD_WHITE_SPACE
    for word in WORDS:
        # Blanks keep the words apart; every second text uses the other apostrophe.
        line = " ".join(around.format(word) for around in SURROUNDINGS)
        yield line
        yield line.replace("'", "\u2019")
    for single in SINGLES:
        yield AROUND_SINGLE.format(single)
    for length in (63, 64, 65, 200):
        yield from ("a" * length + ".com", "http://" + "a" * length + "." + "b" * length, "." * length, "!" * length,
                    "a-" * length, "a." * length, "'" * length, "(" * length + ")" * length, "\u00e9" * length + ".de")


def main():
    tokenizer = spacy.blank("en").tokenizer
    lines = [json.dumps([text] + [token.text for token in tokenizer(text)]) for text in texts()]
    # All exceptions, 40 to a line, each on its own between blanks.
    rules = sorted(rule for rule in tokenizer.rules if not rule.isspace())
    for i in range(0, len(rules), 40):
        text = " ".join(rules[i:i + 40])
        lines.append(json.dumps([text] + [token.text for token in tokenizer(text)]))
    (FOLDER / "tokenizer_golden.jsonl").write_text("\n".join(lines) + "\n", encoding="ascii")
    print(f"spaCy {spacy.__version__}: {len(lines)} texts")


if __name__ == "__main__":
    main()
