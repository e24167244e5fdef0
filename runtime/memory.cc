// SPDX-License-Identifier: Apache-2.0
#include "runtime/memory.h"

#include <unistd.h>

#include <new>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/guard.h"

namespace gyrus {
namespace {

std::string Size(uint64_t bytes) {
  constexpr double kMebi = 1 << 20;
  return absl::StrFormat("%.1f MiB", static_cast<double>(bytes) / kMebi);
}

// Home, spares, and what the store notes of each.
uint64_t TableBytes(const Plan& plan, const PlanBuilder::Table& table, uint32_t spares) {
  const uint64_t blocks = table.spec.blocks;
  const uint64_t versions = blocks + plan.Spares(table, spares);
  return versions * (table.spec.layout.block_bytes() + sizeof(uint64_t)) + blocks * 9;
}

}  // namespace

uint64_t MachineMemory() {
  return static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
         static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

absl::Status CheckMemory(const Plan& plan, uint32_t spares, Mode mode, uint64_t limit_bytes) {
  uint64_t blocks = 0;
  const PlanBuilder::Table* largest = nullptr;
  uint64_t largest_bytes = 0;
  for (const PlanBuilder::Table& table : plan.tables()) {
    const uint64_t bytes = TableBytes(plan, table, spares);
    blocks += bytes;
    if (bytes <= largest_bytes) continue;
    largest = &table;
    largest_bytes = bytes;
  }
  blocks += Guard::BytesFor(plan);
  if (blocks > limit_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "brain \"", plan.spec().name, "\" is too large: its blocks take ", Size(blocks), ", ",
        Size(largest_bytes), " of them the ", largest->spec.blocks, " of table \"",
        largest->spec.name, "\"; this machine has ", Size(limit_bytes)));
  }
  const uint64_t session = Session::BytesFor(plan, mode);
  if (session <= limit_bytes - blocks) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "brain \"", plan.spec().name, "\" is too large: beside blocks of ", Size(blocks),
      " a session takes ", Size(session), ", with a state of ", Size(plan.state_bytes()),
      " kept for each step of label_window = ", plan.spec().label_window, "; this machine has ",
      Size(limit_bytes)));
}

absl::Status WithinMemory(absl::FunctionRef<absl::Status()> take) {
  try {
    return take();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("the system has no room for a brain of this size");
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the system has no thread to give: ", error.what()));
  }
}

}  // namespace gyrus
