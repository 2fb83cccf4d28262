// A tiny HTTP/1.1 server on 127.0.0.1 for the download tests: one thread, one request a connection, ranges,
// and the ways in which real servers misbehave. Ends with the object; no request can hold it for more than
// some seconds.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace octet::testing {

class HttpServer {
 public:
  struct Behaviour {
    bool ranges = true;        // false: always the whole file
    bool chunked = false;      // no Content-Length
    bool wrong_range = false;  // 206, but from another place than was asked for
    int status = 0;            // other than 0: answers this, with an error page
    size_t break_after = 0;    // other than 0: closes the connection after so many bytes of body, once
    int breaks = 1;            // ... or so many times
    bool stall = false;        // sends half of the body and then nothing
    bool redirect = false;     // answers /redirect with a redirection to the file
  };

  explicit HttpServer(std::string body);  // the file, whatever the path
  HttpServer(std::string body, Behaviour behaviour);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string url(const std::string& path = "/file.zip") const;
  std::vector<std::string> ranges() const;  // the Range header of every request so far, "" where it had none

 private:
  void serve();
  void answer(int connection);

  std::string body_;
  Behaviour behaviour_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stop_ = false;
  mutable std::mutex mutex_;
  std::vector<std::string> ranges_;
  std::thread thread_;
};

}  // namespace octet::testing
