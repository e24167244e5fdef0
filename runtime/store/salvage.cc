// SPDX-License-Identifier: Apache-2.0
// A damaged page hides what is on it and, in a tree's upper nodes, whatever hangs below. So rows
// are asked for one by one, by their place: each is either there, with its checksum, or is not.
#include "runtime/store/salvage.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/status_macros.h"
#include "runtime/store/block_blob.h"
#include "runtime/store/kept_images.h"
#include "runtime/store/sqlite.h"
#include "runtime/store/state_format.h"

namespace gyrus {
namespace {

constexpr std::size_t kMostWords = 12;  // Findings beyond are counted.

class Salvage {
 public:
  Salvage(Sqlite database, const StateDb::Options& options)
      : database_(std::move(database)), options_(options) {}

  void ReadAll();
  StateHealth Health();
  StateCommit Commit() const;

 private:
  struct Span {
    uint64_t first = 1;
    uint64_t last = 0;
    SnapshotNumber number = 0;
    std::optional<uint64_t> sessions;  // As many as there should be.
  };

  void Wrong(std::string what);
  std::optional<std::string> Meta(absl::string_view key);
  void CheckHead();
  void ReadTables();
  std::optional<Span> SpanOfMeta();
  Span SpanOfRows();
  void ReadRows(const Span& span);
  std::string ReadRow(SqliteStatement* query, uint64_t row);
  void ReadSessions(const Span& span);
  void ReadHistory();
  void CheckSnapshots();
  bool SessionsAreWhole(const StateSnapshot& snapshot);

  Sqlite database_;
  const StateDb::Options& options_;
  StateHealth health_;
  uint64_t unsaid_ = 0;
  std::vector<std::size_t> sizes_;  // Of blocks, by stored number.
  std::vector<uint32_t> table_of_;  // By stored number.
  SnapshotNumber number_ = 0;
  absl::flat_hash_map<BlockId, std::string> blocks_;
  std::vector<StateCommit::Session> sessions_;
  std::vector<std::string> history_;
};

void Salvage::Wrong(std::string what) {
  if (health_.wrong.size() < kMostWords) {
    health_.wrong.push_back(std::move(what));
  } else {
    ++unsaid_;
  }
}

std::optional<std::string> Salvage::Meta(absl::string_view key) {
  auto get = database_.Prepare("SELECT value, crc FROM meta WHERE key = ?");
  if (!get.ok()) return std::nullopt;
  const auto row = get->Bind(key).Step();
  if (!row.ok() || !*row) return std::nullopt;
  std::string value(get->Text(0));
  if (get->Int(1) != int64_t{Seal(key, value)}) return std::nullopt;
  return value;
}

void Salvage::CheckHead() {
  const auto application = database_.Number("PRAGMA application_id");
  const auto format = database_.Number("PRAGMA user_version");
  if (!application.ok() || *application != kStateApplication) {
    Wrong("its head does not say that it is a brain's state");
  } else if (!format.ok() || *format != kStateFormat) {
    Wrong("its head does not say that it has the format of this version");
  }
  const std::optional<std::string> fingerprint = Meta("fingerprint");
  if (!fingerprint.has_value()) {
    Wrong("which brain it is of cannot be read");
  } else if (*fingerprint != options_.fingerprint) {
    health_.other_brain = true;
    Wrong(
        "it is of another brain than brain.textproto describes: undo what was changed in that "
        "text, "
        "or put back the state that belongs to it");
  }
}

// The stored numbers of the brain's tables. A list that cannot be read is taken to be the brain's
// own, which it is unless the brain was given tables later.
void Salvage::ReadTables() {
  std::vector<std::string> names;
  auto rows = database_.Prepare("SELECT id, name, block_bytes, crc FROM tables ORDER BY id");
  while (rows.ok()) {
    const auto row = rows->Step();
    if (!row.ok() || !*row) break;
    const std::string name(rows->Text(1));
    const bool sealed = rows->Int(3) == int64_t{SealOfTable(rows->Int(0), name, rows->Int(2))};
    if (!sealed || rows->Int(0) != static_cast<int64_t>(names.size())) break;
    names.push_back(name);
  }
  const std::optional<std::string> count = Meta("tables");
  if (!count.has_value() || *count != absl::StrCat(names.size())) {
    Wrong("its list of tables is damaged: this brain's own is used instead");
    names.clear();
    for (const StateDb::Table& table : options_.tables) names.push_back(table.name);
  }
  for (const std::string& name : names) {
    const auto table = std::find_if(options_.tables.begin(), options_.tables.end(),
                                    [&](const StateDb::Table& t) { return t.name == name; });
    if (table == options_.tables.end()) {
      Wrong(absl::StrCat("it has a table \"", name, "\" that this brain lacks"));
      return;
    }
    sizes_.push_back(table->block_bytes);
    table_of_.push_back(static_cast<uint32_t>(table - options_.tables.begin()));
  }
}

std::optional<Salvage::Span> Salvage::SpanOfMeta() {
  const std::optional<std::string> text = Meta("journal");
  if (!text.has_value()) return std::nullopt;
  const std::vector<absl::string_view> numbers = absl::StrSplit(*text, ' ');
  Span span;
  uint64_t sessions = 0;
  if (numbers.size() != 6 || !absl::SimpleAtoi(numbers[0], &span.first) ||
      !absl::SimpleAtoi(numbers[1], &span.last) || !absl::SimpleAtoi(numbers[2], &span.number) ||
      !absl::SimpleAtoi(numbers[3], &sessions)) {
    return std::nullopt;
  }
  span.sessions = sessions;
  return span;
}

// Where meta does not say which rows there should be, those that are there.
Salvage::Span Salvage::SpanOfRows() {
  Wrong("how long its journal should be cannot be read: what is missing at its end is not seen");
  Span span;
  const auto first = database_.Number("SELECT coalesce(min(row), 1) FROM commits");
  const auto last = database_.Number("SELECT coalesce(max(row), 0) FROM commits");
  if (first.ok() && last.ok() && *first >= 1 && *last >= *first) {
    span.first = static_cast<uint64_t>(*first);
    span.last = static_cast<uint64_t>(*last);
  }
  return span;
}

// Says what is wrong with a row of the journal, or nothing, having taken its blocks.
std::string Salvage::ReadRow(SqliteStatement* query, uint64_t row) {
  query->Reset();
  const auto there = query->Bind(static_cast<int64_t>(row)).Step();
  if (!there.ok()) return std::string(there.status().message());
  if (!*there) return "is missing";
  std::vector<std::pair<BlockId, std::string>> taken;
  const auto run =
      ReadBlockBlob(query->Blob(0), sizes_, [&](BlockId id, std::span<const std::byte> bytes) {
        taken.emplace_back(BlockId{table_of_[id.table], id.index},
                           std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
        return absl::OkStatus();
      });
  if (!run.ok()) return std::string(run.status().message());
  if (run->row != row) return absl::StrCat("is row ", run->row);
  for (auto& [id, bytes] : taken) blocks_[id] = std::move(bytes);
  number_ = std::max(number_, run->commit);
  return "";
}

void Salvage::ReadRows(const Span& span) {
  number_ = span.number;
  auto query = database_.Prepare("SELECT blob FROM commits WHERE row = ?");
  for (uint64_t row = span.first; row <= span.last; ++row) {
    ++health_.rows;
    const std::string wrong =
        query.ok() ? ReadRow(&*query, row) : std::string(query.status().message());
    if (wrong.empty()) {
      ++health_.whole_rows;
    } else {
      Wrong(absl::StrCat("row ", row, " of its journal (", span.first, " to ", span.last,
                         "): ", wrong));
    }
  }
}

void Salvage::ReadSessions(const Span& span) {
  auto rows = database_.Prepare("SELECT name, position, crc FROM sessions");
  bool whole = rows.ok();
  while (whole) {
    const auto row = rows->Step();
    whole = row.ok();
    if (!whole || !*row) break;
    const std::span<const std::byte> bytes = rows->Blob(1);
    StateCommit::Session session = {
        std::string(rows->Text(0)),
        std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size())};
    if (rows->Int(2) != int64_t{Seal(session.name, session.position)}) {
      Wrong(absl::StrCat("where session \"", session.name, "\" stands is damaged"));
    } else {
      sessions_.push_back(std::move(session));
    }
  }
  if (!whole) Wrong("its sessions cannot all be read");
  if (whole && span.sessions.has_value() && sessions_.size() < *span.sessions) {
    Wrong(absl::StrCat(sessions_.size(), " of its ", *span.sessions, " sessions are whole"));
  }
}

void Salvage::ReadHistory() {
  auto rows = database_.Prepare("SELECT line, crc FROM history ORDER BY id");
  bool whole = rows.ok();
  uint64_t damaged = 0;
  while (whole) {
    const auto row = rows->Step();
    whole = row.ok();
    if (!whole || !*row) break;
    const bool sealed = rows->Int(1) == int64_t{Seal("history", rows->Text(0))};
    if (sealed) history_.emplace_back(rows->Text(0));
    damaged += sealed ? 0 : 1;
  }
  if (!whole) Wrong("its history cannot all be read");
  if (damaged > 0) Wrong(absl::StrCat(damaged, " lines of its history are damaged"));
}

void Salvage::CheckSnapshots() {
  const std::optional<std::string> text = Meta("snapshots");
  const auto snapshots = text.has_value() ? ParseSnapshots(*text) : absl::DataLossError("");
  if (!snapshots.ok()) {
    Wrong("its list of snapshots is damaged: none can be gone back to");
    return;
  }
  health_.snapshots = snapshots->size();
  for (const StateSnapshot& snapshot : *snapshots) {
    const absl::Status kept =
        VisitKept(database_, snapshot, sizes_,
                  [](BlockId, std::span<const std::byte>) { return absl::OkStatus(); });
    if (!kept.ok()) Wrong(std::string(kept.message()));
    if (!SessionsAreWhole(snapshot)) {
      Wrong(absl::StrCat("where the sessions stood at snapshot \"", snapshot.names[0].name,
                         "\" is damaged"));
    }
  }
}

bool Salvage::SessionsAreWhole(const StateSnapshot& snapshot) {
  auto rows = database_.Prepare("SELECT name, position, crc FROM kept_sessions WHERE snapshot = ?");
  if (!rows.ok()) return false;
  rows->Bind(static_cast<int64_t>(snapshot.id));
  uint64_t count = 0;
  uint64_t seals = 0;
  while (true) {
    const auto row = rows->Step();
    if (!row.ok()) return false;
    if (!*row) return count == snapshot.sessions && seals == snapshot.sessions_seal;
    const std::span<const std::byte> bytes = rows->Blob(1);
    const uint32_t seal =
        Seal(rows->Text(0),
             absl::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    if (rows->Int(2) != int64_t{seal}) return false;
    ++count;
    seals ^= seal;
  }
}

void Salvage::ReadAll() {
  CheckHead();
  ReadTables();
  const std::optional<Span> told = SpanOfMeta();
  const Span span = told.has_value() ? *told : SpanOfRows();
  ReadRows(span);
  ReadSessions(span);
  ReadHistory();
  CheckSnapshots();
}

StateHealth Salvage::Health() {
  StateHealth health = health_;
  if (unsaid_ > 0) health.wrong.push_back(absl::StrCat("and ", unsaid_, " findings more"));
  health.blocks = blocks_.size();
  health.sessions = sessions_.size();
  health.lines = history_.size();
  return health;
}

StateCommit Salvage::Commit() const {
  StateCommit commit;
  commit.number = std::max<SnapshotNumber>(number_, blocks_.empty() ? 0 : 1);
  for (const auto& [id, bytes] : blocks_) {
    commit.blocks.push_back({id, std::as_bytes(std::span(bytes))});
  }
  commit.sessions = sessions_;
  commit.history = history_;
  return commit;
}

absl::StatusOr<Salvage> Read(const std::string& path, const StateDb::Options& options) {
  struct stat about = {};
  if (stat(path.c_str(), &about) != 0) {
    return absl::NotFoundError(absl::StrCat("\"", path, "\" does not exist"));
  }
  auto database = Sqlite::Open(path, Sqlite::Mode::kReadOnly);
  // A folder that may not be written: nobody writes the file then.
  if (database.ok() && !database->Number("PRAGMA user_version").ok()) {
    database = Sqlite::Open(path, Sqlite::Mode::kImmutable);
  }
  if (!database.ok()) return database.status();
  GYRUS_RETURN_IF_ERROR(database->Number("SELECT count(*) FROM sqlite_schema").status());
  Salvage salvage(*std::move(database), options);
  salvage.ReadAll();
  return salvage;
}

}  // namespace

absl::StatusOr<StateHealth> ExamineState(const std::string& path, const StateDb::Options& options) {
  GYRUS_ASSIGN_OR_RETURN(Salvage salvage, Read(path, options));
  return salvage.Health();
}

absl::StatusOr<StateHealth> SalvageState(const std::string& from, const std::string& to,
                                         const StateDb::Options& options) {
  GYRUS_ASSIGN_OR_RETURN(Salvage salvage, Read(from, options));
  StateHealth health = salvage.Health();
  if (health.other_brain) {
    return absl::FailedPreconditionError(absl::StrCat("\"", from, "\" is another brain's state"));
  }
  StateDb::Options fresh = options;
  fresh.mode = StateDb::Mode::kCreate;
  GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<StateDb> state, StateDb::Open(to, fresh));
  GYRUS_RETURN_IF_ERROR(state->Append(salvage.Commit()));
  return health;
}

}  // namespace gyrus
