// SPDX-License-Identifier: Apache-2.0
// A socket's path may have 107 bytes and a directory's any number, so the socket is named through
// an open descriptor of its directory.
#include "tools/status_server.h"

#include <fcntl.h>
#include <httplib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

constexpr char kSocket[] = "status.sock";
constexpr int kAnyPort = 80;  // Of a socket that has none, but 0 would be looked up.

// An open directory.
class Directory {
 public:
  explicit Directory(const std::string& path)
      : descriptor_(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {}
  ~Directory() {
    if (is_open()) close(descriptor_);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  bool is_open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }
  std::string socket() const { return absl::StrCat("/proc/self/fd/", descriptor_, "/", kSocket); }

 private:
  int descriptor_;
};

// Without SO_REUSEPORT, by which two processes would share a port and its questions.
void ReuseAddress(int socket) {
  const int yes = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
}

// Signals are the main thread's: it may wait in a read that they are to end. A connection that is
// gone is a write that fails.
void BlockSignals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

std::string Reason() { return errno == 0 ? "there is no such host" : std::strerror(errno); }

// The server of the library makes the process deaf to SIGPIPE, which is not its to decide.
class KeepSigpipe {
 public:
  KeepSigpipe() { sigaction(SIGPIPE, nullptr, &before_); }
  ~KeepSigpipe() { sigaction(SIGPIPE, &before_, nullptr); }
  KeepSigpipe(const KeepSigpipe&) = delete;
  KeepSigpipe& operator=(const KeepSigpipe&) = delete;

 private:
  struct sigaction before_ {};
};

}  // namespace

struct StatusServer::Http {
  ~Http() {
    if (thread.joinable()) {
      server->stop();
      thread.join();
    }
    if (directory != nullptr && bound) unlinkat(directory->descriptor(), kSocket, 0);
  }

  // Until it would hear Stop.
  void Listen() {
    thread = std::thread([this] {
      BlockSignals();
      server->listen_after_bind();
      ended = true;
    });
    while (!server->is_running() && !ended) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  }

  std::unique_ptr<httplib::Server> server;
  std::unique_ptr<Directory> directory;
  bool bound = false;
  std::atomic<bool> ended = false;
  std::thread thread;
};

StatusServer::StatusServer(Text text) : http_(std::make_unique<Http>()) {
  {
    const KeepSigpipe keep;
    http_->server = std::make_unique<httplib::Server>();
  }
  httplib::Server& server = *http_->server;
  server.new_task_queue = [] { return new httplib::ThreadPool(1); };
  server.set_keep_alive_max_count(1);
  server.set_read_timeout(std::chrono::seconds(1));
  server.set_write_timeout(std::chrono::seconds(1));
  server.set_payload_max_length(0);
  server.Get("/metrics", [text = std::move(text)](const httplib::Request&, httplib::Response& to) {
    to.set_content(text(), "text/plain; version=0.0.4; charset=utf-8");
  });
}

StatusServer::~StatusServer() = default;

absl::StatusOr<StatusServer::Address> StatusServer::ParseAddress(absl::string_view address) {
  const std::size_t colon = address.rfind(':');
  Address parsed{.host = "127.0.0.1"};
  absl::string_view port = address;
  bool ok = true;
  if (colon != absl::string_view::npos) {
    absl::string_view host = address.substr(0, colon);
    port = address.substr(colon + 1);
    const bool bracketed =
        host.size() > 2 && absl::StartsWith(host, "[") && absl::EndsWith(host, "]");
    if (bracketed) host = host.substr(1, host.size() - 2);
    ok = !host.empty() && (bracketed || host.find_first_of("[]:/") == absl::string_view::npos);
    parsed.host = std::string(host);
  }
  ok = ok && absl::SimpleAtoi(port, &parsed.port) && parsed.port >= 0 && parsed.port <= 65535;
  if (ok) return parsed;
  return absl::InvalidArgumentError(
      absl::StrCat("an address is PORT, HOST:PORT or [IPV6]:PORT with a port in [0, 65535], got \"",
                   address, "\""));
}

absl::StatusOr<std::unique_ptr<StatusServer>> StatusServer::OnAddress(absl::string_view address,
                                                                      Text text) {
  GYRUS_ASSIGN_OR_RETURN(Address at, ParseAddress(address));
  std::unique_ptr<StatusServer> status(new StatusServer(std::move(text)));
  httplib::Server& server = *status->http_->server;
  server.set_socket_options(ReuseAddress);
  errno = 0;
  if (at.port == 0) {
    at.port = server.bind_to_any_port(at.host);
  } else if (!server.bind_to_port(at.host, at.port)) {
    at.port = -1;
  }
  if (at.port < 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot serve metrics on \"", address, "\": ", Reason()));
  }
  const bool v6 = absl::StrContains(at.host, ":");
  status->url_ =
      absl::StrCat("http://", v6 ? "[" : "", at.host, v6 ? "]" : "", ":", at.port, "/metrics");
  status->http_->Listen();
  return status;
}

absl::StatusOr<std::unique_ptr<StatusServer>> StatusServer::InDirectory(
    const std::string& directory, Text text) {
  std::unique_ptr<StatusServer> status(new StatusServer(std::move(text)));
  Http& http = *status->http_;
  http.directory = std::make_unique<Directory>(directory);
  if (!http.directory->is_open()) {
    return absl::NotFoundError(absl::StrCat("there is no directory \"", directory, "\""));
  }
  const int at = http.directory->descriptor();
  unlinkat(at, kSocket, 0);
  http.server->set_address_family(AF_UNIX);
  http.server->set_socket_options([](int) {});
  errno = 0;
  const mode_t before = umask(S_IRWXG | S_IRWXO);  // Nobody else's from its first moment on.
  http.bound = http.server->bind_to_port(http.directory->socket(), kAnyPort);
  umask(before);
  if (!http.bound) {
    return absl::UnavailableError(
        absl::StrCat("cannot make the socket \"", directory, "/", kSocket, "\": ", Reason()));
  }
  fchmodat(at, kSocket, S_IRUSR | S_IWUSR, 0);
  http.Listen();
  return status;
}

absl::StatusOr<std::string> AskStatus(const std::string& directory) {
  const Directory at(directory);
  const std::string name = absl::StrCat("\"", directory, "/", kSocket, "\"");
  if (!at.is_open() || faccessat(at.descriptor(), kSocket, R_OK | W_OK, 0) != 0) {
    if (at.is_open() && errno == EACCES) {
      return absl::PermissionDeniedError(absl::StrCat("socket ", name, " is another user's"));
    }
    return absl::NotFoundError(absl::StrCat("there is no socket ", name));
  }
  httplib::Client client(at.socket(), kAnyPort);
  client.set_address_family(AF_UNIX);
  client.set_connection_timeout(std::chrono::seconds(1));
  client.set_read_timeout(std::chrono::seconds(5));
  const httplib::Result answer = client.Get("/metrics");
  if (!answer && answer.error() == httplib::Error::Connection) {
    return absl::NotFoundError(absl::StrCat("nobody answers on ", name));
  }
  if (!answer || answer->status != 200) {
    return absl::UnavailableError(absl::StrCat("no answer in time on ", name));
  }
  return answer->body;
}

}  // namespace gyrus
