// SPDX-License-Identifier: Apache-2.0
#include "core/layout.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace gyrus {
namespace {

constexpr std::size_t kCacheLine = 64;
constexpr std::size_t kMaxBlockBytes = std::size_t{1} << 30;

std::size_t RoundUp(std::size_t value, std::size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

std::size_t AlignmentOf(ElementType type) {
  return type == ElementType::kTernary ? 1 : BytesOf(type, 1);
}

std::size_t ElementsOf(const TensorSpec& tensor) {
  return std::size_t{tensor.rows} * tensor.columns;
}

absl::Status CheckTensor(const TensorSpec& tensor, const std::vector<TensorSpec>& all) {
  if (tensor.name.empty()) return absl::InvalidArgumentError("a tensor needs a name");
  if (tensor.rows == 0 || tensor.columns == 0) {
    return absl::InvalidArgumentError(absl::StrCat("tensor \"", tensor.name, "\" is ", tensor.rows,
                                                   " x ", tensor.columns,
                                                   ": each dimension must be at least 1"));
  }
  const auto same_name = [&](const TensorSpec& other) { return other.name == tensor.name; };
  if (std::count_if(all.begin(), all.end(), same_name) > 1) {
    return absl::InvalidArgumentError(absl::StrCat("tensor \"", tensor.name, "\" appears twice"));
  }
  return absl::OkStatus();
}

}  // namespace

std::size_t BytesOf(ElementType type, std::size_t count) {
  switch (type) {
    case ElementType::kF32:
    case ElementType::kU32:
      return count * 4;
    case ElementType::kBf16:
    case ElementType::kU16:
      return count * 2;
    case ElementType::kI8:
    case ElementType::kU8:
      return count;
    case ElementType::kTernary:
      return (count + 3) / 4;
  }
  return 0;
}

absl::string_view NameOf(ElementType type) {
  switch (type) {
    case ElementType::kF32:
      return "F32";
    case ElementType::kBf16:
      return "BF16";
    case ElementType::kI8:
      return "I8";
    case ElementType::kU8:
      return "U8";
    case ElementType::kU16:
      return "U16";
    case ElementType::kU32:
      return "U32";
    case ElementType::kTernary:
      return "TERNARY";
  }
  return "";
}

absl::StatusOr<BlockLayout> BlockLayout::Create(std::vector<TensorSpec> tensors,
                                                TensorReader reader) {
  if (tensors.empty()) return absl::InvalidArgumentError("a layout needs at least one tensor");
  BlockLayout layout;
  layout.reader_ = reader;
  std::size_t end = 0;
  for (const TensorSpec& tensor : tensors) {
    if (absl::Status status = CheckTensor(tensor, tensors); !status.ok()) return status;
    const std::size_t bytes = BytesOf(tensor.type, ElementsOf(tensor));
    const std::size_t start =
        RoundUp(end, bytes >= kCacheLine ? kCacheLine : AlignmentOf(tensor.type));
    layout.offsets_.push_back(start);
    end = start + bytes;
    if (end > kMaxBlockBytes) {
      return absl::InvalidArgumentError(absl::StrCat("tensor \"", tensor.name, "\" ends at byte ",
                                                     end, ": a block holds at most ",
                                                     kMaxBlockBytes));
    }
  }
  layout.block_bytes_ = RoundUp(end, kCacheLine);
  layout.tensors_ = std::move(tensors);
  return layout;
}

std::size_t BlockLayout::tensor_bytes(std::size_t t) const {
  return BytesOf(tensors_[t].type, ElementsOf(tensors_[t]));
}

std::size_t BlockLayout::parameters() const {
  std::size_t count = 0;
  for (const TensorSpec& tensor : tensors_) {
    if (tensor.merge != Merge::kNever) count += ElementsOf(tensor);
  }
  return count;
}

bool BlockLayout::operator==(const BlockLayout& other) const {
  const auto same = [](const TensorSpec& a, const TensorSpec& b) {
    return a.name == b.name && a.type == b.type && a.rows == b.rows && a.columns == b.columns &&
           a.merge == b.merge;
  };
  return reader_ == other.reader_ && std::equal(tensors_.begin(), tensors_.end(),
                                                other.tensors_.begin(), other.tensors_.end(), same);
}

}  // namespace gyrus
