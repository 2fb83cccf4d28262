// libcurl, loaded at the first download. Linked, it and the 33 libraries behind it (TLS, Kerberos, LDAP, SSH,
// IDN) would take 5.4 ms and 5.7 MB of every run, of which all but `octet data fetch` have no use for it. For
// .cpp files only.
#pragma once

#define CURL_DISABLE_TYPECHECK  // the checks are macros around functions that are not linked here
#include <curl/curl.h>

namespace octet {

struct LibCurl {
  decltype(&curl_easy_init) easy_init;
  decltype(&curl_easy_setopt) easy_setopt;
  decltype(&curl_easy_perform) easy_perform;
  decltype(&curl_easy_getinfo) easy_getinfo;
  decltype(&curl_easy_strerror) easy_strerror;
  decltype(&curl_easy_cleanup) easy_cleanup;
};

// Loads and initialises it once. Error (Internal) where it is not installed, with the package to install.
const LibCurl& libcurl();

}  // namespace octet
