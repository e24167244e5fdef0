// SPDX-License-Identifier: Apache-2.0
#include "tools/inputs/idx_input.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

constexpr uint32_t kImagesMagic = 0x00000803;  // Unsigned bytes in 3 dimensions.
constexpr uint32_t kLabelsMagic = 0x00000801;  // Unsigned bytes in 1 dimension.
constexpr size_t kImagesHeader = 16;           // Bytes
constexpr size_t kLabelsHeader = 8;            // Bytes

// Buffers `bytes` bytes of `reader`; returns false if there are fewer.
absl::StatusOr<bool> Buffer(size_t bytes, ByteReader* reader) {
  while (reader->buffered().size() < bytes) {
    GYRUS_ASSIGN_OR_RETURN(const bool more, reader->Fill());
    if (!more) return false;
  }
  return true;
}

// Reads a header of `N` big-endian numbers, of which the first must be `magic`.
template <size_t N>
absl::StatusOr<std::array<uint32_t, N>> ReadHeader(uint32_t magic, ByteReader* reader) {
  GYRUS_ASSIGN_OR_RETURN(const bool whole, Buffer(4 * N, reader));
  if (!whole) {
    return absl::InvalidArgumentError(absl::StrCat(reader->name(), ": expected an IDX header of ",
                                                   4 * N, " bytes, found ",
                                                   reader->buffered().size(), " bytes"));
  }
  std::array<uint32_t, N> numbers{};
  for (size_t i = 0; i < 4 * N; ++i) {
    numbers[i / 4] = numbers[i / 4] << 8 | static_cast<uint8_t>(reader->buffered()[i]);
  }
  if (numbers[0] != magic) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: expected IDX %s (magic 0x%08x), found 0x%08x", reader->name(),
                        magic == kImagesMagic ? "images" : "labels", magic, numbers[0]));
  }
  reader->Consume(4 * N);
  return numbers;
}

// Checks that what a header declares is what the file holds.
absl::Status CheckSize(const ByteReader& reader, uint64_t expected, absl::string_view what) {
  if (!reader.size().has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat(reader.name(), ": IDX must be a regular file, not a pipe"));
  }
  if (*reader.size() == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(reader.name(), ": the header declares ", what,
                                                 " (", expected, " bytes), the file has ",
                                                 *reader.size(), " bytes"));
}

absl::Status Shrunk(const ByteReader& reader, uint64_t record) {
  return absl::DataLossError(absl::StrCat(reader.name(), ": ended before record ", record,
                                          ": the file has become shorter while it was read"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<IdxInput>> IdxInput::Create(ByteReader images,
                                                           std::optional<ByteReader> labels) {
  std::unique_ptr<IdxInput> input(new IdxInput(std::move(images), std::move(labels)));
  GYRUS_RETURN_IF_ERROR(input->ReadHeaders());
  return input;
}

absl::Status IdxInput::ReadHeaders() {
  GYRUS_ASSIGN_OR_RETURN(const auto header, ReadHeader<4>(kImagesMagic, &images_));
  const auto [magic, count, height, width] = header;
  if (count < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(images_.name(), ": expected at least 1 image, found 0"));
  }
  if (height < 1 || height > kMaxSide || width < 1 || width > kMaxSide) {
    return absl::InvalidArgumentError(absl::StrCat(images_.name(), ": image sides must be in [1, ",
                                                   kMaxSide, "], found ", height, " x ", width));
  }
  const uint64_t bytes = uint64_t{count} * height * width;  // At most 2^56.
  GYRUS_RETURN_IF_ERROR(
      CheckSize(images_, kImagesHeader + bytes,
                absl::StrCat(count, " images of ", height, " x ", width, " pixels")));
  count_ = count;
  schema_.height = static_cast<int>(height);
  schema_.width = static_cast<int>(width);
  if (!labels_.has_value()) return absl::OkStatus();

  GYRUS_ASSIGN_OR_RETURN(const auto labels_header, ReadHeader<2>(kLabelsMagic, &*labels_));
  const uint64_t labels = labels_header[1];
  GYRUS_RETURN_IF_ERROR(
      CheckSize(*labels_, kLabelsHeader + labels, absl::StrCat(labels, " labels")));
  if (labels != count) {
    return absl::InvalidArgumentError(absl::StrCat(labels_->name(), " has ", labels, " labels, ",
                                                   images_.name(), " has ", count, " images"));
  }
  schema_.labelled = true;
  return absl::OkStatus();
}

std::optional<std::string> IdxInput::LabelsPath(const std::string& images_path) {
  const size_t slash = images_path.rfind('/');
  const size_t start = slash == std::string::npos ? 0 : slash + 1;
  std::string name = images_path.substr(start);
  const size_t images = name.rfind("images");
  if (images == std::string::npos) return std::nullopt;
  name.replace(images, 6, "labels");
  const size_t idx3 = name.rfind("idx3");
  if (idx3 != std::string::npos) name.replace(idx3, 4, "idx1");
  return images_path.substr(0, start) + name;
}

absl::StatusOr<bool> IdxInput::Next(Record* record) {
  images_.Consume(std::exchange(consume_, 0));
  if (next_ == count_) return false;
  GYRUS_ASSIGN_OR_RETURN(const bool whole, Buffer(pixels(), &images_));
  if (!whole) return Shrunk(images_, next_);
  record->time_ns = 0;
  record->place = {.offset = next_, .line = 0};
  record->pixels = std::span<const uint8_t>(
      reinterpret_cast<const uint8_t*>(images_.buffered().data()), pixels());
  record->label.reset();
  consume_ = pixels();
  if (labels_.has_value()) {
    GYRUS_ASSIGN_OR_RETURN(const bool labelled, Buffer(1, &*labels_));
    if (!labelled) return Shrunk(*labels_, next_);
    record->label = static_cast<uint8_t>(labels_->buffered().front());
    labels_->Consume(1);
  }
  ++next_;
  return true;
}

absl::Status IdxInput::Seek(const Place& place) {
  if (place.offset > count_) {
    return absl::OutOfRangeError(absl::StrCat(images_.name(), " has ", count_,
                                              " images, cannot go to image ", place.offset));
  }
  next_ = place.offset;
  consume_ = 0;
  if (labels_.has_value()) GYRUS_RETURN_IF_ERROR(labels_->Seek(kLabelsHeader + next_));
  return images_.Seek(kImagesHeader + next_ * pixels());
}

}  // namespace gyrus
