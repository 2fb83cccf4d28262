#include "datasets/download.h"

#include <strings.h>

#include <charconv>
#include <string_view>

#include "core/error.h"
#include "datasets/libcurl-inl.h"

namespace octet {
namespace {

// The members are what the callbacks share with the request; they run inside libcurl and must not throw.
class Transfer {
 public:
  Transfer(const DownloadRequest& request, PartFile& part)
      : request_(request), part_(part), curl_(libcurl()), handle_(curl_.easy_init()) {
    require(handle_ != nullptr, ErrorKind::Memory, "download: libcurl cannot start a request");
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_USERAGENT, "octet");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, 5L);
    set(CURLOPT_FAILONERROR, 1L);  // the text of an error page is no data
    set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(request.connect_seconds));
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(request.stall_seconds));
    set(CURLOPT_ERRORBUFFER, reason_);
    set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &Transfer::on_progress);
    set(CURLOPT_XFERINFODATA, this);
    // Not CURLOPT_RESUME_FROM: it makes an error of a server that answers a range with the whole file.
    if (part.size() > 0) set(CURLOPT_RANGE, (std::to_string(part.size()) + "-").c_str());
  }
  ~Transfer() { curl_.easy_cleanup(handle_); }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  DownloadResult run() {
    const uint64_t asked_from = part_.size();
    const CURLcode code = curl_.easy_perform(handle_);
    return {outcome(code, asked_from), reason_[0] ? reason_ : curl_.easy_strerror(code), restarted_};
  }

 private:
  enum class Stop { None, TooLong, CannotWrite, WrongRange };

  template <class T>
  void set(CURLoption option, T value) {
    const CURLcode status = curl_.easy_setopt(handle_, option, value);
    require(status == CURLE_OK, ErrorKind::Internal, "libcurl: option ", static_cast<int>(option), ": ",
            curl_.easy_strerror(status));
  }

  long status() const {
    long code = 0;
    curl_.easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &code);
    return code;
  }

  DownloadOutcome outcome(CURLcode code, uint64_t asked_from) const {
    switch (code) {
      case CURLE_OK:
        return DownloadOutcome::Complete;
      case CURLE_ABORTED_BY_CALLBACK:
        return DownloadOutcome::Cancelled;
      case CURLE_HTTP_RETURNED_ERROR:
        return status() == 416 && asked_from > 0 ? DownloadOutcome::RangeRefused : DownloadOutcome::Refused;
      case CURLE_WRITE_ERROR:
        if (stop_ == Stop::TooLong) return DownloadOutcome::TooLong;
        if (stop_ == Stop::WrongRange) return DownloadOutcome::RangeRefused;
        return DownloadOutcome::CannotWrite;
      case CURLE_PARTIAL_FILE:
      case CURLE_GOT_NOTHING:
      case CURLE_RECV_ERROR:
      case CURLE_SEND_ERROR:
      case CURLE_OPERATION_TIMEDOUT:
      case CURLE_HTTP2_STREAM:
        return DownloadOutcome::Broken;
      default:
        return DownloadOutcome::Unreachable;
    }
  }

  static size_t on_header(char* data, size_t, size_t count, void* self) noexcept {
    auto& t = *static_cast<Transfer*>(self);
    constexpr std::string_view key = "content-range: bytes ";
    if (count > 5 && strncasecmp(data, "http/", 5) == 0)
      t.range_start_ = 0;  // of the answer after a redirection
    if (count > key.size() && strncasecmp(data, key.data(), key.size()) == 0)
      std::from_chars(data + key.size(), data + count, t.range_start_);
    return count;
  }

  static size_t on_body(char* data, size_t, size_t count, void* self) noexcept {
    auto& t = *static_cast<Transfer*>(self);
    if (!t.begun_) t.begin_body();
    if (t.stop_ == Stop::None && t.part_.size() + count > t.request_.bytes) t.stop_ = Stop::TooLong;
    if (t.stop_ == Stop::None && !t.part_.append({data, count})) t.stop_ = Stop::CannotWrite;
    return t.stop_ == Stop::None ? count : 0;  // anything but count ends the transfer with CURLE_WRITE_ERROR
  }

  // The answer to a request for the rest: 206 with that rest, or 200 with the file from its start.
  void begin_body() noexcept {
    begun_ = true;
    if (part_.size() == 0) return;
    if (status() == 206) {
      if (range_start_ != part_.size()) stop_ = Stop::WrongRange;
    } else if (part_.clear()) {
      restarted_ = true;
    } else {
      stop_ = Stop::CannotWrite;
    }
  }

  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept {
    const auto& t = *static_cast<Transfer*>(self);
    return t.request_.progress && !t.request_.progress(t.part_.size(), t.request_.bytes);
  }

  const DownloadRequest& request_;
  PartFile& part_;
  const LibCurl& curl_;
  CURL* handle_;
  char reason_[CURL_ERROR_SIZE] = {};
  uint64_t range_start_ = 0;
  bool begun_ = false, restarted_ = false;
  Stop stop_ = Stop::None;
};

}  // namespace

DownloadResult download(const DownloadRequest& request, PartFile& part) {
  return Transfer(request, part).run();
}

}  // namespace octet
