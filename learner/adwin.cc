// SPDX-License-Identifier: Apache-2.0
#include "learner/adwin.h"

#include <algorithm>
#include <cmath>

namespace gyrus {

// Chan, Golub and LeVeque's pairwise update: nothing cancels, however long the stream.
void Adwin::Part::Add(const Part& other) noexcept {
  if (other.count == 0) return;
  if (count > 0) {
    const double n0 = static_cast<double>(count);
    const double n1 = static_cast<double>(other.count);
    const double apart = sum / n0 - other.sum / n1;
    squares += apart * apart * n0 * n1 / (n0 + n1);
  }
  count += other.count;
  sum += other.sum;
  squares += other.squares;
}

Adwin::Part Adwin::BucketAt(int row, int bucket) const noexcept {
  return {.count = uint64_t{1} << row,
          .sum = rows_[row].sums[bucket],
          .squares = rows_[row].squares[bucket]};
}

Adwin::Part Adwin::Whole() const noexcept {
  Part whole;
  for (int r = kRows; r-- > 0;) {
    for (int b = 0; b < rows_[r].used; ++b) whole.Add(BucketAt(r, b));
  }
  return whole;
}

double Adwin::mean() const noexcept {
  const Part whole = Whole();
  return whole.count == 0 ? 0.0 : whole.sum / static_cast<double>(whole.count);
}

void Adwin::Clear() noexcept {
  for (Row& row : rows_) row.used = 0;
  until_look_ = kLookEvery;
}

void Adwin::Push(int row, const Part& bucket) noexcept {
  Row& to = rows_[row];
  to.sums[to.used] = bucket.sum;
  to.squares[to.used] = bucket.squares;
  ++to.used;
}

// The oldest `count` of a row.
void Adwin::Pop(int row, int count) noexcept {
  Row& from = rows_[row];
  std::copy(from.sums + count, from.sums + from.used, from.sums);
  std::copy(from.squares + count, from.squares + from.used, from.squares);
  from.used = static_cast<uint8_t>(from.used - count);
}

void Adwin::DropOldest() noexcept {
  for (int r = kRows; r-- > 0;) {
    if (rows_[r].used == 0) continue;
    Pop(r, 1);
    return;
  }
}

Adwin::Change Adwin::Add(double value) noexcept {
  Push(0, {.count = 1, .sum = value, .squares = 0});
  for (int r = 0; r < kRows && rows_[r].used > kBuckets; ++r) {
    Part pair = BucketAt(r, 0);
    pair.Add(BucketAt(r, 1));
    Pop(r, 2);
    // Beyond the last row the oldest are forgotten.
    if (r + 1 < kRows) Push(r + 1, pair);
  }
  if (--until_look_ > 0) return Change::kNone;
  until_look_ = kLookEvery;
  const Change first = FindCut();
  for (Change cut = first; cut != Change::kNone; cut = FindCut()) DropOldest();
  return first;
}

Adwin::Change Adwin::FindCut() const noexcept {
  const Part whole = Whole();
  Part old;
  for (int r = kRows; r-- > 0;) {
    for (int b = 0; b < rows_[r].used; ++b) {
      old.Add(BucketAt(r, b));
      if (whole.count - old.count < kLeastPart) return Change::kNone;
      if (old.count < kLeastPart || !Differ(whole, old)) continue;
      const double all = static_cast<double>(whole.count);
      const bool rises = old.sum / static_cast<double>(old.count) < whole.sum / all;
      return rises ? Change::kRise : Change::kFall;
    }
  }
  return Change::kNone;
}

bool Adwin::Differ(const Part& whole, const Part& old) const noexcept {
  const double n = static_cast<double>(whole.count);
  const double n0 = static_cast<double>(old.count);
  const double n1 = n - n0;
  const double apart = std::abs(old.sum / n0 - (whole.sum - old.sum) / n1);
  const double inverse_m = 1.0 / n0 + 1.0 / n1;
  const double d = std::log(2.0 * std::log(n) / delta_);
  return apart > std::sqrt(2.0 * inverse_m * whole.squares / n * d) + 2.0 / 3.0 * inverse_m * d;
}

void Adwin::Save(ByteWriter* writer) const {
  writer->Put(until_look_);
  for (const Row& row : rows_) {
    writer->Put(row.used);
    for (const double sum : row.sums) writer->Put(sum);
    for (const double squares : row.squares) writer->Put(squares);
  }
}

void Adwin::Restore(ByteReader* reader) {
  Clear();
  until_look_ = reader->Get<uint64_t>();
  if (until_look_ < 1 || until_look_ > kLookEvery) reader->Fail();
  for (Row& row : rows_) {
    const auto used = reader->Get<uint8_t>();
    if (used > kBuckets) reader->Fail();
    row.used = std::min<uint8_t>(used, kBuckets);
    const auto most = static_cast<double>(uint64_t{1} << (&row - rows_));
    const auto number = [&] {
      const auto value = reader->Get<double>();
      if (!(value >= 0 && value <= most)) reader->Fail();
      return value;
    };
    for (double& sum : row.sums) sum = number();
    for (double& squares : row.squares) squares = number();
  }
  if (!reader->ok()) Clear();
}

}  // namespace gyrus
