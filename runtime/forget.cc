// SPDX-License-Identifier: Apache-2.0
// How an interval is taken out of a brain: block by block, from three images of each that changed:
// before it, after it, and now. What a block keeps is decided tensor by tensor; see
// Snapshots::Forget.
#include <algorithm>
#include <cstring>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/status_macros.h"
#include "runtime/block_images.h"
#include "runtime/elements.h"
#include "runtime/runtime.h"
#include "runtime/snapshots.h"

namespace gyrus {
namespace {

using Bytes = std::span<const std::byte>;

bool Equal(Bytes a, Bytes b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

// One block at three moments.
struct Three {
  Bytes before;
  Bytes after;
  Bytes now;

  bool changed_within() const { return !Equal(before, after); }
  bool changed_since() const { return !Equal(after, now); }
  Three Part(std::size_t offset, std::size_t bytes) const {
    return {before.subspan(offset, bytes), after.subspan(offset, bytes),
            now.subspan(offset, bytes)};
  }
};

bool IsCount(const TensorSpec& tensor) { return tensor.merge == Merge::kCounts; }

bool MergesByNoLaw(const BlockLayout& layout) {
  return std::all_of(layout.tensors().begin(), layout.tensors().end(),
                     [](const TensorSpec& tensor) { return tensor.merge == Merge::kNever; });
}

// Of what the table is a part: "vision" of "vision.founding".
std::string OwnerOf(const std::string& table) { return table.substr(0, table.find('.')); }

// A block that changed in the interval and since. `out` begins as it is now.
void TakeOutOfBlock(const BlockLayout& layout, const Three& block, std::span<std::byte> out) {
  // A row's counts and what they are of belong together.
  bool counts_within = false;
  for (std::size_t t = 0; t < layout.tensors().size(); ++t) {
    const Three part = block.Part(layout.offset(t), layout.tensor_bytes(t));
    counts_within |= IsCount(layout.tensors()[t]) && part.changed_within();
  }
  for (std::size_t t = 0; t < layout.tensors().size(); ++t) {
    const TensorSpec& tensor = layout.tensors()[t];
    const Three part = block.Part(layout.offset(t), layout.tensor_bytes(t));
    if (IsCount(tensor) ? !counts_within : !part.changed_within()) continue;
    const auto result = out.subspan(layout.offset(t), layout.tensor_bytes(t));
    if (tensor.merge == Merge::kSum) {
      TakeOutOfSum(tensor.type, part.before, part.after, part.now, result);
    } else if (tensor.merge == Merge::kMean) {
      TakeOutOfMean(tensor.type, part.before, part.after, part.now, result);
    } else {
      std::memcpy(result.data(), part.before.data(), result.size());
    }
  }
}

// What the blocks that changed since the interval began become.
class Removal {
 public:
  Removal(const Store* start, std::span<const BlockId> ids, const BlockImages& before,
          const BlockImages& after, const BlockImages& now)
      : start_(start), ids_(ids) {
    for (std::size_t i = 0; i < ids.size(); ++i) blocks_.push_back({before[i], after[i], now[i]});
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const TableSpec& spec = start->spec(ids[i].table);
      if (MergesByNoLaw(spec.layout) && blocks_[i].changed_within()) {
        going_back_.insert(OwnerOf(spec.name));
      }
    }
  }

  // The changes, whose bytes this keeps, and the counts.
  std::vector<StateCommit::Block> Decide(Snapshots::Forgotten* counts) {
    std::vector<StateCommit::Block> changes;
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      const Bytes result = ResultOf(i, counts);
      if (!Equal(result, blocks_[i].now)) changes.push_back({ids_[i], result});
    }
    return changes;
  }

 private:
  Bytes ResultOf(std::size_t i, Snapshots::Forgotten* counts) {
    const Three& block = blocks_[i];
    const TableSpec& spec = start_->spec(ids_[i].table);
    if (MergesByNoLaw(spec.layout) && going_back_.count(OwnerOf(spec.name)) > 0) {
      ++(block.changed_since() ? counts->lost : counts->exact);
      return block.before;
    }
    if (!block.changed_within()) return block.now;
    if (!block.changed_since()) {
      ++counts->exact;
      return block.before;
    }
    ++counts->approximate;
    made_.emplace_back(block.now.begin(), block.now.end());
    TakeOutOfBlock(spec.layout, block, made_.back());
    return made_.back();
  }

  const Store* start_;
  std::span<const BlockId> ids_;
  std::vector<Three> blocks_;
  std::set<std::string> going_back_;         // Owners of tables without a law that do.
  std::deque<std::vector<std::byte>> made_;  // Blocks that none of the images has.
};

}  // namespace

absl::StatusOr<Snapshots::Forgotten> Snapshots::Forget(absl::string_view before,
                                                       absl::string_view after, WallTime now) {
  GYRUS_RETURN_IF_ERROR(CheckOrder(before, after));
  const auto ids = state_->Changed(before, "");
  if (!ids.ok()) return Explain(ids.status());
  GYRUS_ASSIGN_OR_RETURN(const auto start, Start());
  const auto first = BlockImages::Load(*state_, before, *ids, start.get());
  if (!first.ok()) return Explain(first.status());
  const auto second = BlockImages::Load(*state_, after, *ids, start.get());
  if (!second.ok()) return Explain(second.status());
  const auto third = BlockImages::Load(*state_, "", *ids, start.get());
  if (!third.ok()) return Explain(third.status());

  Forgotten forgotten;
  Removal removal(start.get(), *ids, *first, *second, *third);
  StateCommit commit;
  commit.blocks = removal.Decide(&forgotten);
  GYRUS_ASSIGN_OR_RETURN(const bool ends_now, IsNow(after));
  if (ends_now) {
    RestoreSessions(*first, *third, &commit);
  } else {
    commit.sessions = third->sessions();
    GYRUS_RETURN_IF_ERROR(ZeroTraces(&commit));
  }
  GYRUS_ASSIGN_OR_RETURN(forgotten.saved_as, SaveBefore("forget", now));
  commit.history = {absl::StrCat(R"({"kind":"snapshot","event":"forget","from":")", before,
                                 R"(","to":")", after, R"(","exact":)", forgotten.exact,
                                 R"(,"approximate":)", forgotten.approximate, R"(,"lost":)",
                                 forgotten.lost, R"(,"saved_as":")", forgotten.saved_as, R"("})")};
  GYRUS_RETURN_IF_ERROR(AppendNext(&commit));
  return forgotten;
}

// Whether nothing was learned since a snapshot.
absl::StatusOr<bool> Snapshots::IsNow(absl::string_view name) const {
  if (name.empty()) return true;
  GYRUS_ASSIGN_OR_RETURN(const std::vector<StateSnapshot> list, List());
  GYRUS_ASSIGN_OR_RETURN(const std::size_t place, FindSnapshot(list, name));
  GYRUS_ASSIGN_OR_RETURN(const StateDb::Loaded last, state_->Sessions());
  return list[place].number == last.number;
}

// Of the sessions in a commit: as they will stand beside its blocks.
absl::Status Snapshots::ZeroTraces(StateCommit* commit) const {
  GYRUS_ASSIGN_OR_RETURN(const auto runtime, Runtime::Create(plan_->spec(), {}));
  const auto lay = [&](BlockId id, std::span<const std::byte> bytes) {
    std::memcpy(runtime->store().Initial(id).data(), bytes.data(), bytes.size());
    return absl::OkStatus();
  };
  const auto loaded = state_->Load(lay);
  if (!loaded.ok()) return Explain(loaded.status());
  for (const StateCommit::Block& block : commit->blocks) {
    GYRUS_RETURN_IF_ERROR(lay(block.id, block.bytes));
  }
  for (StateCommit::Session& session : commit->sessions) {
    GYRUS_ASSIGN_OR_RETURN(const auto open, runtime->OpenSession({.name = session.name,
                                                                  .position = session.position}));
    open->ForgetTraces();
    session.position = open->Save();
  }
  return absl::OkStatus();
}

}  // namespace gyrus
