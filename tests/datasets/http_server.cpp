#include "tests/datasets/http_server.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

namespace octet::testing {
namespace {

bool readable(int socket, int milliseconds) {
  pollfd wanted{socket, POLLIN, 0};
  return poll(&wanted, 1, milliseconds) > 0;
}

// The request's head; empty if it does not come within two seconds.
std::string read_head(int connection) {
  std::string head;
  char piece[4096];
  while (head.find("\r\n\r\n") == std::string::npos && head.size() < 65536) {
    if (!readable(connection, 2000)) return {};
    const ssize_t got = recv(connection, piece, sizeof piece, 0);
    if (got <= 0) return {};
    head.append(piece, static_cast<size_t>(got));
  }
  return head;
}

bool send_all(int connection, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

std::string header_value(const std::string& head, std::string_view name) {
  const size_t at = head.find(name);
  if (at == std::string::npos) return {};
  const size_t begin = at + name.size();
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

}  // namespace

HttpServer::HttpServer(std::string body) : HttpServer(std::move(body), Behaviour{}) {}

HttpServer::HttpServer(std::string body, Behaviour behaviour)
    : body_(std::move(body)), behaviour_(behaviour) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(listener_ >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(listen(listener_, 8) == 0);
  socklen_t size = sizeof address;
  REQUIRE(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

HttpServer::~HttpServer() {
  stop_ = true;
  thread_.join();
  close(listener_);
}

std::string HttpServer::url(const std::string& path) const {
  return "http://127.0.0.1:" + std::to_string(port_) + path;
}

std::vector<std::string> HttpServer::ranges() const {
  const std::lock_guard lock(mutex_);
  return ranges_;
}

void HttpServer::serve() {
  while (!stop_) {
    if (!readable(listener_, 20)) continue;
    const int connection = accept(listener_, nullptr, nullptr);
    if (connection < 0) continue;
    answer(connection);
    close(connection);
  }
}

void HttpServer::answer(int connection) {
  const std::string head = read_head(connection);
  if (head.empty()) return;
  const std::string range = header_value(head, "\r\nRange: ");
  {
    const std::lock_guard lock(mutex_);
    ranges_.push_back(range);
  }
  if (behaviour_.redirect && head.starts_with("GET /redirect ")) {
    send_all(
        connection,
        "HTTP/1.1 302 Found\r\nLocation: /file.zip\r\nContent-Length: 5\r\nConnection: close\r\n\r\nmoved");
    return;
  }
  if (behaviour_.status != 0) {
    const std::string page = "<html>no</html>";
    send_all(connection, "HTTP/1.1 " + std::to_string(behaviour_.status) + " Error\r\nContent-Length: " +
                             std::to_string(page.size()) + "\r\nConnection: close\r\n\r\n" + page);
    return;
  }
  size_t first = 0;
  std::string answer = "HTTP/1.1 200 OK\r\n";
  if (behaviour_.ranges && range.starts_with("bytes=")) {
    first = std::stoul(range.substr(6));
    if (first >= body_.size()) {
      send_all(connection,
               "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      return;
    }
    if (behaviour_.wrong_range) first = first / 2;
    answer = "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes " + std::to_string(first) + "-" +
             std::to_string(body_.size() - 1) + "/" + std::to_string(body_.size()) + "\r\n";
  }
  const std::string_view rest = std::string_view(body_).substr(first);
  answer += behaviour_.chunked ? "Transfer-Encoding: chunked\r\n"
                               : "Content-Length: " + std::to_string(rest.size()) + "\r\n";
  if (!send_all(connection, answer + "Connection: close\r\n\r\n")) return;
  if (behaviour_.break_after != 0 && behaviour_.breaks > 0) {
    --behaviour_.breaks;
    send_all(connection, rest.substr(0, behaviour_.break_after));
  } else if (behaviour_.stall) {
    send_all(connection, rest.substr(0, rest.size() / 2));
    while (!stop_ && !readable(connection, 20)) continue;  // until the client gives up
  } else if (behaviour_.chunked) {
    for (size_t at = 0; at < rest.size(); at += 1000) {
      const std::string_view piece = rest.substr(at, 1000);
      char size[32];
      std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
      if (!send_all(connection, size + std::string(piece) + "\r\n")) return;
    }
    send_all(connection, "0\r\n\r\n");
  } else {
    send_all(connection, rest);
  }
}

}  // namespace octet::testing
