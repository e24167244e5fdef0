// SPDX-License-Identifier: Apache-2.0
#include "tools/stop_signal.h"

#include <csignal>
#include <cstdint>
#include <ctime>

namespace gyrus {
namespace {

constexpr int64_t kAtOnceNs = 1'000'000'000;

// A signal handler has no other way to reach anything.
std::atomic<bool> stop_requested = false;
std::atomic<int> stop_signal = 0;
std::atomic<int64_t> first_ns = 0;  // When; 0: none has come.
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free &&
              std::atomic<int64_t>::is_always_lock_free);

int64_t NowNs() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);  // Safe in a handler, as POSIX has it.
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void RequestStop(int signal) {
  const int64_t now = NowNs();
  int64_t first = 0;
  if (first_ns.compare_exchange_strong(first, now, std::memory_order_relaxed)) {
    stop_signal.store(signal, std::memory_order_relaxed);
    stop_requested.store(true, std::memory_order_relaxed);
  } else if (now - first >= kAtOnceNs) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
}

}  // namespace

const std::atomic<bool>& CatchStopSignal() {
  struct sigaction action {};
  action.sa_handler = RequestStop;  // No SA_RESTART: a read that waits ends.
  sigaddset(&action.sa_mask, SIGINT);
  sigaddset(&action.sa_mask, SIGTERM);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  return stop_requested;
}

int StopSignal() { return stop_signal.load(std::memory_order_relaxed); }

}  // namespace gyrus
