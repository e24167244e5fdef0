// SPDX-License-Identifier: Apache-2.0
#include "runtime/session_group.h"

#include <algorithm>

#include "runtime/session.h"

namespace gyrus {

void SessionGroup::Add(Session* session) {
  sessions_.push_back(session);
  Reserve();
}

void SessionGroup::Remove(Session* session) {
  sessions_.erase(std::remove(sessions_.begin(), sessions_.end(), session), sessions_.end());
  Reserve();
}

void SessionGroup::Reserve() {
  std::size_t bytes = 0;
  for (const Session* session : sessions_) {
    bytes += session->name().size() + session->max_position_bytes();
  }
  journal_->Reserve(sessions_.size(), bytes);
}

bool SessionGroup::SaveAll(Journal::Moment* moment) const {
  const bool rest = std::all_of(sessions_.begin(), sessions_.end(),
                                [](const Session* session) { return session->settled(); });
  if (!rest && moment->patient()) return false;
  for (const Session* session : sessions_) session->Save(moment->Add(session->name()));
  return true;
}

}  // namespace gyrus
