#include "datasets/remote_files.h"

#include <string>

#include "core/error.h"

namespace octet {
namespace {

// sms: size as published; the SHA-256 is the one that independent projects pin for this address (the
// MLDatasets.jl package among them). Its entry SMSSpamCollection has 477,907 bytes and the SHA-256
// 7d039a24a6083ed9ef0f806ebad56bbb976e3aeb8de05669173bfdc4996c239d.
constexpr RemoteFile kFiles[] = {
    {"sms", "https://archive.ics.uci.edu/static/public/228/sms+spam+collection.zip",
     "sms+spam+collection.zip", 203415, "1587ea43e58e82b14ff1f5425c88e17f8496bfcdb67a583dbff9eefaf9963ce3",
     "SMS Spam Collection, Almeida, Hidalgo and Yamakami 2011, UCI Machine Learning Repository, CC BY 4.0"},
};

}  // namespace

std::span<const RemoteFile> remote_files() { return kFiles; }

const RemoteFile& remote_file(std::string_view name) {
  std::string known;
  for (const RemoteFile& file : kFiles) {
    if (file.name == name) return file;
    known.append(known.empty() ? "" : ", ").append(file.name);
  }
  fail(ErrorKind::Usage, "data fetch: unknown data set '", name, "', known are: ", known);
}

}  // namespace octet
