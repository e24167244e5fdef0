// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gyrus {

// Answers GET /metrics with a text, over TCP or on a Unix socket in a brain's directory, by threads
// of its own that take no signals. Whoever asks is answered once per connection.
class StatusServer {
 public:
  // What it answers; called by a thread of the server until that is gone.
  using Text = std::function<std::string()>;

  // Where an address leads: PORT (of loopback), HOST:PORT or [IPV6]:PORT; port 0 is any free one.
  struct Address {
    std::string host;
    int port = 0;
  };
  // Returns InvalidArgument for anything else.
  static absl::StatusOr<Address> ParseAddress(absl::string_view address);

  // Returns as ParseAddress; Unavailable if the address is in use or not this machine's.
  static absl::StatusOr<std::unique_ptr<StatusServer>> OnAddress(absl::string_view address,
                                                                 Text text);

  // On `directory`/status.sock, for this user alone; one that a killed process left is replaced,
  // and it goes when the server does. Requires: nobody else serves there; whoever learns in a
  // directory is alone. Returns NotFound without the directory; Unavailable if it takes no socket.
  static absl::StatusOr<std::unique_ptr<StatusServer>> InDirectory(const std::string& directory,
                                                                   Text text);

  ~StatusServer();
  StatusServer(const StatusServer&) = delete;
  StatusServer& operator=(const StatusServer&) = delete;

  // "http://127.0.0.1:9100/metrics"; "" in a directory.
  const std::string& url() const { return url_; }

 private:
  struct Http;

  explicit StatusServer(Text text);

  std::unique_ptr<Http> http_;
  std::string url_;
};

// What the server in a directory answers. Returns NotFound if there is none; PermissionDenied if it
// is another user's; Unavailable if it does not answer in time.
absl::StatusOr<std::string> AskStatus(const std::string& directory);

}  // namespace gyrus
