// SPDX-License-Identifier: Apache-2.0
#include "tools/stop_signal.h"

#include <csignal>

namespace gyrus {
namespace {

// A signal handler has no other way to reach anything.
std::atomic<bool> stop_requested = false;
std::atomic<int> stop_signal = 0;
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

void RequestStop(int signal) {
  stop_signal.store(signal, std::memory_order_relaxed);
  stop_requested.store(true, std::memory_order_relaxed);
}

}  // namespace

const std::atomic<bool>& CatchStopSignal() {
  struct sigaction action {};
  action.sa_handler = RequestStop;
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // And no SA_RESTART: a read that waits ends.
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  return stop_requested;
}

int StopSignal() { return stop_signal.load(std::memory_order_relaxed); }

}  // namespace gyrus
