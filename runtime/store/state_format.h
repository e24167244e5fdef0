// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace gyrus {

// What marks and seals a state's rows; the schema is in state_db_open.cc.

// In the database's header, beside the format's number.
inline constexpr int64_t kStateApplication = 0x47797275;  // "Gyru"
inline constexpr int64_t kStateFormat = 4;

inline constexpr absl::string_view kInsertRun = "INSERT INTO commits(row, blob) VALUES(?, ?)";

// The checksum of a row of meta, sessions or history (key "history").
uint32_t Seal(absl::string_view key, absl::string_view value);

uint32_t SealOfTable(int64_t id, absl::string_view name, int64_t block_bytes);

}  // namespace gyrus
