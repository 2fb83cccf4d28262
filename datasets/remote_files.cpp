#include "datasets/remote_files.h"

#include <string>

#include "core/error.h"

namespace octet {
namespace {

// sms: size as published; the SHA-256 is the one that independent projects pin for this address (the
// MLDatasets.jl package among them). Its entry SMSSpamCollection has 477,907 bytes and the SHA-256
// 7d039a24a6083ed9ef0f806ebad56bbb976e3aeb8de05669173bfdc4996c239d.
//
// imdb: the SHA-256 is pinned for this address by independent projects (GoMLX, examples/imdb, among them);
// the data set's record in Hugging Face Datasets has it together with the size.
//
// glove: size and SHA-256 are pinned for this address by independent projects, the latter by Embeddings.jl
// (JuliaText) and PyTorch Text (checksums_glove.json) among them.
constexpr RemoteFile kFiles[] = {
    {"sms", "https://archive.ics.uci.edu/static/public/228/sms+spam+collection.zip",
     "sms+spam+collection.zip", 203415, "1587ea43e58e82b14ff1f5425c88e17f8496bfcdb67a583dbff9eefaf9963ce3",
     "SMS Spam Collection, Almeida, Hidalgo and Yamakami 2011, UCI Machine Learning Repository, CC BY 4.0"},
    {"imdb", "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz", "aclImdb_v1.tar.gz", 84125825,
     "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",
     "Large Movie Review Dataset v1.0, Maas et al. 2011, Stanford University, for research; cite the paper"},
    {"glove", "https://nlp.stanford.edu/data/glove.6B.zip", "glove.6B.zip", 862182613,
     "617afb2fe6cbd085c235baf7a465b96f4112bd7f7ccb2b2cbd649fed9cbcf2fb",
     "GloVe vectors of 6 billion words, Pennington, Socher and Manning 2014, Stanford University, PDDL 1.0"},
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
