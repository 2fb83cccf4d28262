// Which column of a table holds the texts and which the labels, and whether its first row is a header: as
// told, or guessed, and then said so.
#pragma once

#include <cstddef>
#include <string>

#include "datasets/text_table.h"

namespace octet {

enum class Header { Auto, Yes, No };

struct ColumnFlags {
  // A name, or a number from 1, of which a name that is there goes first; names may differ in case. Empty:
  // guess.
  std::string text, label;
  Header header = Header::Auto;  // of no matter for JSON Lines
};

struct ColumnChoice {
  size_t text = 0, label = 0;
  bool header = false;
};

// Takes the header out of the table's rows, and adds a note to it for everything that was guessed.
//
// A first row is a header if a column is asked for by name, or one has a name of the lists below; not if it
// holds a number, a long or a repeated text; else if, in a column of few values or of numbers alone, it is
// none of the values below it.
//
// The text is the column named text, review, message, content, sentence, tweet, comment, body, document or
// sms; else the only one that is left; else the one with the longest values, at least twice as long in the
// mean as any other's, columns of numbers or of few repeated values aside. The label is the column named
// label, class, category, sentiment, target, type, topic, intent or emotion; else the only one that is left,
// or that holds few, short, repeated values (each twice in the mean).
//
// Errors (Usage): no such column, one column for both, no choice or more than one; these list the columns
// with a value of each and the flag to give.
ColumnChoice choose_columns(TextTable& table, const ColumnFlags& flags);

}  // namespace octet
