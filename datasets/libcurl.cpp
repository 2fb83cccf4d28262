#include "datasets/libcurl-inl.h"

#include <dlfcn.h>

#include <string>

#include "core/error.h"

namespace octet {
namespace {

LibCurl load() {
  // Interface number 4 since 2006; the second name is Debian's build with GnuTLS.
  std::string reason;
  void* library = nullptr;
  for (const char* name : {"libcurl.so.4", "libcurl-gnutls.so.4"}) {
    library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library) break;
    if (reason.empty()) reason = dlerror();
  }
  require(library != nullptr, ErrorKind::Internal,
          "downloads need libcurl (Debian: apt-get install libcurl4): ", reason);
  const auto bind = [&](auto& function, const char* name) {
    void* symbol = dlsym(library, name);
    require(symbol != nullptr, ErrorKind::Internal, "libcurl lacks ", name);
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(symbol);
  };
  decltype(&curl_global_init) global_init = nullptr;
  bind(global_init, "curl_global_init");
  LibCurl curl{};
  bind(curl.easy_init, "curl_easy_init");
  bind(curl.easy_setopt, "curl_easy_setopt");
  bind(curl.easy_perform, "curl_easy_perform");
  bind(curl.easy_getinfo, "curl_easy_getinfo");
  bind(curl.easy_strerror, "curl_easy_strerror");
  bind(curl.easy_cleanup, "curl_easy_cleanup");
  const CURLcode status = global_init(CURL_GLOBAL_DEFAULT);
  require(status == CURLE_OK, ErrorKind::Internal, "libcurl: ", curl.easy_strerror(status));
  return curl;  // never unloaded: its TLS library registers handlers that run at exit
}

}  // namespace

const LibCurl& libcurl() {
  static const LibCurl curl = load();
  return curl;
}

}  // namespace octet
