#include "core/names.h"

#include "tests/support/support.h"

using namespace octet;

TEST_CASE("the edit distance counts insertions, deletions, replacements and swaps") {
  CHECK(edit_distance("adam", "adam") == 0);
  CHECK(edit_distance("adam", "Adam") == 0);
  CHECK(edit_distance("adm", "adam") == 1);
  CHECK(edit_distance("adamm", "adam") == 1);
  CHECK(edit_distance("adim", "adam") == 1);
  CHECK(edit_distance("aadm", "adam") == 1);
  CHECK(edit_distance("", "adam") == 4);
  CHECK(edit_distance("kitten", "sitting") == 3);
}

TEST_CASE("the nearest name is found, and none where nothing is near") {
  const std::string_view names[] = {"train", "eval", "predict", "reproduce", "report"};
  CHECK(nearest_name("trian", names) == "train");
  CHECK(nearest_name("predcit", names) == "predict");
  CHECK(nearest_name("pred", names) == "predict");
  CHECK(nearest_name("repor", names) == "report");
  CHECK(nearest_name("xyzzy", names).empty());
  CHECK(nearest_name("", names).empty());
}

TEST_CASE("an unknown name is answered with the nearest and the list") {
  const std::string_view names[] = {"adam", "adamw"};
  CHECK(unknown_name("optimizer", "adm", names) ==
        "unknown optimizer 'adm', did you mean 'adam'? Known: adam, adamw");
  CHECK(unknown_name("optimizer", "lion", names) == "unknown optimizer 'lion'. Known: adam, adamw");
}
