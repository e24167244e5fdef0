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
  if (std::erase(sessions_, session) == 0) return;
  positions_->Part(session->name(), session->Save());
  Reserve();
}

void SessionGroup::Reserve() {
  LastPositions::Room room = positions_->parted();
  for (const Session* session : sessions_) {
    ++room.sessions;
    room.bytes += session->name().size() + session->max_position_bytes();
  }
  journal_->Reserve(room.sessions, room.bytes);
}

bool SessionGroup::SaveAll(Journal::Moment* moment) const {
  const bool rest = std::all_of(sessions_.begin(), sessions_.end(),
                                [](const Session* session) { return session->settled(); });
  if (!rest && moment->patient()) return false;
  for (const Session* session : sessions_) session->Save(moment->Add(session->name()));
  positions_->AddParted(moment);
  return true;
}

}  // namespace gyrus
