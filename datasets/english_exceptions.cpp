// Word lists: spaCy 3.8, lang/en/tokenizer_exceptions.py and lang/tokenizer_exceptions.py (emoticons, single
// letters). The contractions follow from which endings a word takes; here each group of words is crossed with
// its endings, in small letters and with a capital, with and without the apostrophe.
#include "datasets/english_exceptions.h"

#include <algorithm>
#include <set>
#include <string_view>

namespace octet::english {
namespace {

using Words = std::string_view;  // separated by blanks

// Words crossed with endings; a | stands before each part of an ending.
struct Contractions {
  Words words, endings;
};
constexpr Contractions kContractions[] = {
    {"i you he she it we they", "|'ll |'ll|'ve |'d |'d|'ve"},
    {"i", "|'m |'m|a"},
    {"i you we they", "|'ve"},
    {"you we they", "|'re"},
    {"he she it", "|'s"},
    {"who what when where why how there that this these those", "|'ll |'ll|'ve |'d |'d|'ve"},
    {"who what when where why how there these those", "|'re |'ve"},
    {"who what when where why how there that this", "|'s"},
    {"ca could do does did had may might must need ought sha should wo would", "|n't |n't|'ve"},
    {"could might must should would", "|'ve"},
    {"ai are is was were have has dare", "|n't"},
};

// Contractions without the apostrophe that are words of their own.
constexpr Words kNotContractions = "ill its hell shell shed were well whore";

// One part, with and without the apostrophe.
constexpr Words kDroppedEnd =
    "doin' goin' nothin' nuthin' ol' somethin' lovin' havin'";  // and with a capital
constexpr Words kDroppedStart = "'em 'll 'nuff";

// In parts as they stand here, and again with a capital.
constexpr Words kSplit = "how|'d|'y not|'ve not|ve can|not gon|na got|ta let|'s c'm|on";
constexpr Words kSplitSmall = "y'|all y|all";

constexpr Words kWhole =
    "'S 's ‘S ‘s and/or w/o 're 'Cause 'cause 'cos 'Cos 'coz 'Coz 'cuz 'Cuz 'bout ma'am "
    "Ma'am o'clock O'clock 'd a.m. p.m. Adm. Bros. co. Co. Corp. D.C. Dr. e.g. E.g. E.G. Gen. "
    "Gov. i.e. I.e. I.E. Inc. Jr. Ltd. Md. Messrs. Mo. Mont. Mr. Mrs. Ms. Mt. Ph.D. Prof. Rep. "
    "Rev. Sen. St. vs. v.s. "
    // states and months
    "Ak. Ala. Apr. Ariz. Ark. Aug. Calif. Colo. Conn. Dec. Del. Feb. Fla. Ga. Ia. Id. Ill. Ind. "
    "Jan. Jul. Jun. Kan. Kans. Ky. La. Mar. Mass. Mich. Minn. Miss. N.C. N.D. N.H. N.J. N.M. "
    "N.Y. Neb. Nebr. Nev. Nov. Oct. Okla. Ore. Pa. S.C. Sep. Sept. Tenn. Va. Wash. Wis. "
    // of every language
    "' '' \\\") <space> C++ \\t \\n — ä. ö. ü.";

constexpr Words kEmoticons =
    ":) :-) :)) :-)) :))) :-))) (: (-: =) (= :] :-] [: [-: [= =] :o) (o: :} :-} 8) 8-) (-8 ;) "
    ";-) (; (-; :( :-( :(( :-(( :((( :-((( ): )-: =( >:( :') :'-) :'( :'-( :/ :-/ =/ =| :| :-| "
    "]= =[ :1 :P :-P :p :-p :O :-O :o :-o :0 :-0 :() >:o :* :-* :3 :-3 =3 :> :-> :X :-X :x :-x "
    ":D :-D ;D ;-D =D xD XD xDD XDD 8D 8-D ^_^ ^__^ ^___^ >.< >.> <.< ._. ;_; -_- -__- v.v V.V "
    "v_v V_V o_o o_O O_o O_O 0_o o_0 0_0 o.O O.o O.O o.o 0.0 o.0 0.o @_@ <3 <33 <333 </3 (^_^) "
    "(-_-) (._.) (>_<) (*_*) (¬_¬) ಠ_ಠ ಠ︵ಠ (ಠ_ಠ) ¯\\(ツ)/¯ "
    "(╯°□°）╯︵┻━┻ ><(((*>";

template <class Body>
void for_each_word(Words words, const Body& body) {
  for (size_t at = 0; at < words.size();) {
    const size_t end = std::min(words.find(' ', at), words.size());
    body(std::string(words.substr(at, end - at)));
    at = end + 1;
  }
}

std::string capitalised(std::string word) {
  if (word[0] >= 'a' && word[0] <= 'z') word[0] = static_cast<char>(word[0] - 'a' + 'A');
  return word;
}

std::string replaced(std::string_view text, char from, std::string_view to) {
  std::string out;
  for (const char c : text) {
    if (c == from) {
      out += to;
    } else {
      out += c;
    }
  }
  return out;
}

class Collector {
 public:
  // `parts` are separated by |, which no contraction holds itself.
  void add_parts(const std::string& parts) { all_.insert(replaced(parts, '|', {&kPartEnd, 1})); }
  void add_whole(const std::string& word) { all_.insert(word); }

  void add_contractions() {
    for (const auto& [words, endings] : kContractions) {
      for_each_word(words, [&, e = endings](const std::string& word) {
        for_each_word(e, [&](const std::string& ending) {
          for (const std::string& start : {word, capitalised(word)}) {
            add_parts(start + ending);
            const std::string bare = start + replaced(ending, '\'', "");
            if (!is_word_of_its_own(replaced(bare, '|', ""))) add_parts(bare);
          }
        });
      });
    }
    for_each_word(kSplit, [&](const std::string& parts) {
      add_parts(parts);
      add_parts(capitalised(parts));
    });
    for_each_word(kSplitSmall, [&](const std::string& parts) { add_parts(parts); });
  }

  void add_whole_words() {
    for_each_word(kWhole, [&](const std::string& word) { add_whole(word); });
    for_each_word(kEmoticons, [&](const std::string& word) { add_whole(word); });
    for_each_word(kDroppedStart, [&](const std::string& word) {
      add_whole(word);
      add_whole(word.substr(1));
    });
    for_each_word(kDroppedEnd, [&](const std::string& word) {
      for (const std::string& start : {word, capitalised(word)}) {
        add_whole(start);
        add_whole(start.substr(0, start.size() - 1));
      }
    });
    for (char letter = 'a'; letter <= 'z'; ++letter) add_whole({letter, '.'});
  }

  void add_times_and_degrees() {
    for (int hour = 1; hour <= 12; ++hour) {
      for (const char* half : {"a.m.", "am", "p.m.", "pm"}) add_parts(std::to_string(hour) + "|" + half);
    }
    for (const char scale : {'c', 'f', 'k', 'C', 'F', 'K'}) add_parts(std::string("°|") + scale + "|.");
  }

  std::vector<std::string> with_both_apostrophes() const {
    std::set<std::string> both = all_;
    for (const std::string& word : all_) both.insert(replaced(word, '\'', "’"));
    return {both.begin(), both.end()};
  }

 private:
  static bool is_word_of_its_own(const std::string& word) {
    bool found = false;
    for_each_word(kNotContractions, [&](const std::string& other) {
      found = found || word == other || word == capitalised(other);
    });
    return found;
  }

  std::set<std::string> all_;
};

}  // namespace

std::vector<std::string> exceptions() {
  Collector collector;
  collector.add_contractions();
  collector.add_whole_words();
  collector.add_times_and_degrees();
  return collector.with_both_apostrophes();
}

}  // namespace octet::english
