#include "datasets/url_match.h"

#include <array>
#include <optional>

#include "datasets/english_characters.h"
#include "datasets/python_text.h"
#include "datasets/utf8.h"

namespace octet::english {
namespace {

constexpr size_t kLongestLabel = 64;
constexpr size_t kLongestTopLevel = 63;

// Whether `rest`, what follows a host, is empty or `[:port][/path]`.
bool matches_port_and_path(std::string_view rest) {
  if (rest.starts_with(':')) {
    size_t at = 1, digits = 0;
    for (CodePoint c = utf8_at(rest, at); c.size && is_python_digit(c.value); c = utf8_at(rest, at)) {
      at += c.size;
      if (++digits > 5) return false;
    }
    if (digits < 2) return false;
    rest.remove_prefix(at);
  }
  return rest.empty() || rest[0] == '/' || rest[0] == '?' || rest[0] == '#';
}

// One number of an IPv4 address: its digits, of which those that are not ASCII read as 'd'.
struct Octet {
  std::array<char, 3> digits{};
  size_t count = 0;

  bool is(std::string_view pattern) const {  // in a pattern, 'd' is any digit and 'n' is 1 to 9
    if (count != pattern.size()) return false;
    for (size_t i = 0; i < count; ++i) {
      if (pattern[i] == 'd') continue;
      if (pattern[i] == 'n' ? digits[i] < '1' || digits[i] > '9' : digits[i] != pattern[i]) return false;
    }
    return true;
  }
  // 2 followed by a digit up to `second`, followed by any digit up to `third`.
  bool two_hundred(char second, char third) const {
    return count == 3 && digits[0] == '2' && digits[1] == second && digits[2] >= '0' && digits[2] <= third;
  }
};

// The number at `at`, which moves behind it; nothing if there is none or it has more than three digits.
std::optional<Octet> read_octet(std::string_view word, size_t& at) {
  Octet octet;
  for (CodePoint c = utf8_at(word, at); c.size && is_python_digit(c.value); c = utf8_at(word, at)) {
    if (octet.count == 3) return std::nullopt;
    octet.digits[octet.count++] = c.value < 0x80 ? static_cast<char>(c.value) : 'd';
    at += c.size;
  }
  return octet.count ? std::optional(octet) : std::nullopt;
}

// Networks that are private, local or loopback are no addresses to the pattern.
bool is_private(const std::array<Octet, 4>& ip) {
  if (ip[0].is("10") || ip[0].is("127")) return true;
  if ((ip[0].is("169") && ip[1].is("254")) || (ip[0].is("192") && ip[1].is("168"))) return true;
  if (!ip[0].is("172") || ip[1].count != 2) return false;
  const char first = ip[1].digits[0], second = ip[1].digits[1];
  return (first == '1' && second >= '6' && second <= '9') || first == '2' ||
         (first == '3' && (second == '0' || second == '1'));
}

bool matches_ip(std::string_view word) {
  std::array<Octet, 4> ip;
  size_t at = 0;
  for (size_t i = 0; i < ip.size(); ++i) {
    if (i > 0 && (at >= word.size() || word[at++] != '.')) return false;
    const auto octet = read_octet(word, at);
    if (!octet) return false;
    ip[i] = *octet;
  }
  if (is_private(ip)) return false;
  const Octet& a = ip[0];
  const bool first =
      a.is("n") || a.is("nd") || a.is("1dd") || a.is("20d") || a.is("21d") || a.two_hundred('2', '3');
  const auto middle = [](const Octet& o) {
    if (o.is("d") || o.is("dd") || o.is("1dd") || o.two_hundred('5', '5')) return true;
    return o.count == 3 && o.digits[0] == '2' && o.digits[1] >= '0' && o.digits[1] <= '4';
  };
  const Octet& d = ip[3];
  const bool last = d.is("n") || d.is("nd") || d.is("1dd") || d.two_hundred('5', '4') ||
                    (d.count == 3 && d.digits[0] == '2' && d.digits[1] >= '0' && d.digits[1] <= '4');
  return first && middle(ip[1]) && middle(ip[2]) && last && matches_port_and_path(word.substr(at));
}

// Whether `rest` starts with a top-level name and goes on as a URL may.
bool matches_top_level(std::string_view rest) {
  size_t at = 0, letters = 0;
  for (CodePoint c = utf8_at(rest, at); c.size && (classes_of(c.value) & kLower); c = utf8_at(rest, at)) {
    at += c.size;
    if (++letters > kLongestTopLevel) return false;
  }
  return letters >= 2 && matches_port_and_path(rest.substr(at));
}

// Labels of letters, digits, _ and -, each behind it a full stop, then a top-level name.
bool matches_host(std::string_view word) {
  size_t at = 0;
  while (true) {
    size_t length = 0;
    bool ends_well = false;
    CodePoint c = utf8_at(word, at);
    for (; c.size && c.value != '.'; c = utf8_at(word, at)) {
      ends_well = classes_of(c.value) & kHost;
      const bool inside = ends_well || c.value == '_' || c.value == '-';
      if (!inside || (length == 0 && !ends_well) || ++length > kLongestLabel) return false;
      at += c.size;
    }
    if (c.size == 0 || !ends_well) return false;
    ++at;
    if (matches_top_level(word.substr(at))) return true;
  }
}

// Size of `scheme://`, or 0.
size_t scheme_size(std::string_view word) {
  const size_t colon = word.find("://");
  if (colon == std::string_view::npos) return 0;
  size_t characters = 0;
  for (size_t at = 0; at < colon; ++characters) {
    const CodePoint c = utf8_at(word, at);
    if (!is_python_word(c.value) && c.value != '+' && c.value != '-' && c.value != '.') return 0;
    at += c.size;
  }
  return characters >= 2 ? colon + 3 : 0;
}

}  // namespace

bool matches_url(std::string_view word) {
  if (word.find('.') == std::string_view::npos) return false;
  const auto matches = [](std::string_view from) { return matches_ip(from) || matches_host(from); };
  if (matches(word)) return true;
  if (const size_t scheme = scheme_size(word); scheme > 0 && matches(word.substr(scheme))) return true;
  // Anything with an @ behind it can be a user name. No host holds an @, so these attempts do not overlap.
  for (size_t at = word.find('@', 1); at != std::string_view::npos; at = word.find('@', at + 1)) {
    if (matches(word.substr(at + 1))) return true;
  }
  return false;
}

}  // namespace octet::english
