// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "activation/plan.h"
#include "core/store.h"
#include "runtime/store/state_db.h"

namespace gyrus {

class BlockImages;

// The snapshots that a brain's directory keeps under names. What goes back does so in a new commit,
// and is itself kept under a name before: all can be undone, and numbers never go back.
//
//   GYRUS_ASSIGN_OR_RETURN(auto snapshots, Snapshots::Open("mind", Snapshots::Access::kWrite));
//   GYRUS_RETURN_IF_ERROR(snapshots->Save("monday", time));
//   GYRUS_RETURN_IF_ERROR(snapshots->Rollback("monday", time).status());
//
// To write, nobody else may learn into the brain; whoever does has Runtime::SaveSnapshot. To read
// is free beside a writer.
//
// Ordinary. One thread at a time. Not movable.
class Snapshots {
 public:
  enum class Access { kRead, kWrite };

  // Returns as Runtime::Open, but takes no memory for the brain; Unavailable, with the way out, if
  // another process learns into it.
  static absl::StatusOr<std::unique_ptr<Snapshots>> Open(const std::string& directory,
                                                         Access access);

  // Oldest first.
  absl::StatusOr<std::vector<StateSnapshot>> List() const;

  // Keeps what the brain is now. Returns InvalidArgument for a name that is none, AlreadyExists for
  // one that is taken; as StateDb::Append.
  absl::Status Save(absl::string_view name, WallTime now);

  // As StateDb::TagSnapshot and StateDb::DropSnapshot.
  absl::Status Tag(absl::string_view name, absl::string_view second);
  absl::Status Drop(absl::string_view name);

  // Brings all blocks and all sessions' positions back; sessions that began since are forgotten. So
  // the brain goes on, bit for bit, as it did from there.
  struct Restored {
    std::string saved_as;  // What was there before.
    uint64_t blocks = 0;   // That had changed.
    uint64_t ended = 0;    // Sessions that began since.
    StateSnapshot to;
  };
  absl::StatusOr<Restored> Rollback(absl::string_view name, WallTime now);

  // Takes out what came in from a snapshot `before` to a snapshot `after`, "": now. A block that
  // changed in that interval and not since is as it was before, exactly. Of one that changed since,
  // too, each tensor goes by how it merges:
  //
  //   sum            before + (now - after): what it learned since stays
  //   mean           the same, but between before and now; see TakeOutOfMean
  //   counts, never  as before: such tensors cannot be subtracted, and keep nothing of the interval
  //
  // Tables without any merge law (histories, replay, anchors, accumulators) are full of references
  // from block to block: if the interval changed one of them, all of those of their area, expert
  // or head go back to before, and what they gathered since is lost.
  //
  // Sessions stand where they stood before if nothing was learned since the interval, and stay
  // otherwise, with their traces zeroed.
  struct Forgotten {
    std::string saved_as;      // What was there before that.
    uint64_t exact = 0;        // Blocks that are as before the interval, or as if it had not been.
    uint64_t approximate = 0;  // That changed since, too.
    uint64_t lost = 0;         // As before, with what they gathered since. Not counted above.
  };
  // Returns NotFound; InvalidArgument if `after` is not newer; as StateDb::Load and Append.
  absl::StatusOr<Forgotten> Forget(absl::string_view before, absl::string_view after, WallTime now);

  // What differs between two snapshots, table by table; "": now. Tables without a change are left
  // out.
  struct TensorChange {
    std::string name;
    double largest = 0;  // Of any element. Ternary ones and those that are not finite do not count.
  };
  struct TableChange {
    std::string name;
    uint64_t blocks = 0;
    uint64_t changed = 0;
    std::vector<TensorChange> tensors;  // That differ.
  };
  // `to` must be no older than `from`. Returns NotFound, InvalidArgument; as StateDb::Load.
  absl::StatusOr<std::vector<TableChange>> Diff(absl::string_view from, absl::string_view to) const;

 private:
  Snapshots(std::string directory, std::unique_ptr<const Plan> plan,
            std::unique_ptr<StateDb> state);

  absl::Status Explain(const absl::Status& status) const;
  absl::StatusOr<std::string> SaveBefore(absl::string_view what, WallTime now);
  absl::StatusOr<std::unique_ptr<Store>> Start() const;
  absl::Status CheckOrder(absl::string_view from, absl::string_view to) const;
  static void RestoreSessions(const BlockImages& then, const BlockImages& now, StateCommit* commit);
  absl::StatusOr<bool> IsNow(absl::string_view name) const;
  absl::Status ZeroTraces(StateCommit* commit) const;
  absl::Status AppendNext(StateCommit* commit);

  const std::string directory_;
  const std::unique_ptr<const Plan> plan_;
  const std::unique_ptr<StateDb> state_;
};

}  // namespace gyrus
