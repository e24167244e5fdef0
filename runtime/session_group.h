// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "runtime/journal.h"
#include "runtime/last_positions.h"

namespace gyrus {

class Session;

// The inline sessions of a runtime that has a journal. They share one thread, and blocks of one
// store: what one of them makes durable is a moment of all, and of those that have left: where a
// session stands as it leaves is told to `positions`.
//
// That thread's. Not movable; what is given must outlive it, and it the sessions.
class SessionGroup {
 public:
  SessionGroup(Journal* journal, LastPositions* positions)
      : journal_(journal), positions_(positions) {}
  SessionGroup(const SessionGroup&) = delete;
  SessionGroup& operator=(const SessionGroup&) = delete;

  void Add(Session* session);
  void Remove(Session* session);

  const std::vector<Session*>& sessions() const { return sessions_; }

  // After each turn of a session's learner. As Journal::AfterCommit.
  void AfterCommit() {
    journal_->AfterCommit([this](Journal::Moment* moment) { return SaveAll(moment); });
  }

 private:
  void Reserve();
  bool SaveAll(Journal::Moment* moment) const;

  Journal* const journal_;
  LastPositions* const positions_;
  std::vector<Session*> sessions_;
};

}  // namespace gyrus
