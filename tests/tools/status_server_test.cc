// SPDX-License-Identifier: Apache-2.0
#include "tools/status_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_files.h"

namespace gyrus {
namespace {

using test::IsOk;
using test::StatusIs;
using testing::AllOf;
using testing::HasSubstr;

constexpr absl::StatusCode kNotFound = absl::StatusCode::kNotFound;

std::string Hello() { return "hello 1\n"; }

int PortOf(const StatusServer& server) {
  const std::string& url = server.url();
  const std::size_t colon = url.rfind(':');
  return std::stoi(url.substr(colon + 1));
}

TEST(StatusServerTest, AnswersOnLoopback) {
  for (const char* address : {"0", "127.0.0.1:0", "localhost:0"}) {
    ASSERT_OK_AND_ASSIGN(const auto server, StatusServer::OnAddress(address, Hello));
    httplib::Client client("127.0.0.1", PortOf(*server));
    for (int i = 0; i < 3; ++i) {
      const auto answer = client.Get("/metrics");
      ASSERT_TRUE(answer);
      EXPECT_EQ(answer->status, 200);
      EXPECT_EQ(answer->body, Hello());
      EXPECT_EQ(answer->get_header_value("Content-Type"),
                "text/plain; version=0.0.4; charset=utf-8");
    }
    EXPECT_EQ(client.Get("/other")->status, 404);
  }
}

TEST(StatusServerTest, RefusesAnAddressInUseOrOfElsewhere) {
  ASSERT_OK_AND_ASSIGN(const auto server, StatusServer::OnAddress("0", Hello));
  const std::string taken = absl::StrCat("127.0.0.1:", PortOf(*server));
  EXPECT_THAT(StatusServer::OnAddress(taken, Hello),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr(taken), HasSubstr("already in use"))));
  EXPECT_THAT(StatusServer::OnAddress("192.0.2.1:9100", Hello),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("192.0.2.1:9100")));
}

TEST(StatusServerTest, KnowsAddresses) {
  EXPECT_EQ(StatusServer::ParseAddress("9100")->host, "127.0.0.1");
  EXPECT_EQ(StatusServer::ParseAddress("0.0.0.0:9100")->host, "0.0.0.0");
  EXPECT_EQ(StatusServer::ParseAddress("[::1]:9100")->host, "::1");
  EXPECT_EQ(StatusServer::ParseAddress("[::1]:9100")->port, 9100);
  for (const char* wrong : {"", "on", ":", ":9100", "host:", "host:x", "-1", "65536", "::1:9100",
                            "[]:9100", "host:9100/metrics"}) {
    EXPECT_THAT(StatusServer::ParseAddress(wrong),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(absl::StrCat("\"", wrong))));
  }
}

TEST(StatusServerTest, ServesInADirectoryUntilItIsGone) {
  const test::TempFiles files;
  EXPECT_THAT(AskStatus(files.root()), StatusIs(kNotFound));
  {
    ASSERT_OK_AND_ASSIGN(const auto server, StatusServer::InDirectory(files.root(), Hello));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(*AskStatus(files.root()), Hello());
    const auto mode = std::filesystem::status(files.PathOf("status.sock")).permissions();
    EXPECT_EQ(mode & std::filesystem::perms::all,
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
  EXPECT_FALSE(std::filesystem::exists(files.PathOf("status.sock")));
  EXPECT_THAT(AskStatus(files.root()), StatusIs(kNotFound));
  EXPECT_THAT(AskStatus(files.PathOf("nowhere")), StatusIs(kNotFound));
  EXPECT_THAT(StatusServer::InDirectory(files.PathOf("nowhere"), Hello), StatusIs(kNotFound));
}

// As a killed process leaves it.
TEST(StatusServerTest, ReplacesAStaleSocket) {
  const test::TempFiles files;
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  files.PathOf("status.sock").copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int stale = socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(bind(stale, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  close(stale);
  EXPECT_THAT(AskStatus(files.root()), StatusIs(kNotFound, HasSubstr("nobody answers")));
  ASSERT_OK_AND_ASSIGN(const auto server, StatusServer::InDirectory(files.root(), Hello));
  EXPECT_EQ(*AskStatus(files.root()), Hello());
}

// A socket's own path may have 107 bytes.
TEST(StatusServerTest, ServesInADirectoryOfALongName) {
  const test::TempFiles files;
  const std::string directory = files.PathOf(std::string(200, 'd'));
  std::filesystem::create_directory(directory);
  ASSERT_OK_AND_ASSIGN(const auto server, StatusServer::InDirectory(directory, Hello));
  EXPECT_EQ(*AskStatus(directory), Hello());
}

TEST(StatusServerTest, LeavesSignalsAsTheyAre) {
  const auto before = std::signal(SIGPIPE, SIG_DFL);
  const auto server = StatusServer::OnAddress("0", Hello);
  EXPECT_THAT(server, IsOk());
  EXPECT_EQ(std::signal(SIGPIPE, before), SIG_DFL);
}

}  // namespace
}  // namespace gyrus
