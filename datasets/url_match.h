// Whether a whole word is a URL, a host name or an e-mail address. Internal to datasets/.
#pragma once

#include <string_view>

namespace octet::english {

// `word` holds no white space. Accepts `[scheme://][anything@]host[:port][/path]`, where host is a public
// IPv4 address or dotted labels that end in at least two small letters. Time is linear in the length of the
// word. Source: the pattern of spaCy 3.8 (lang/tokenizer_exceptions.py), which is Diego Perini's URL
// validation (https://gist.github.com/dperini/729294) with an optional scheme.
bool matches_url(std::string_view word);

}  // namespace octet::english
