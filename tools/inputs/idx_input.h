// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/inputs/byte_reader.h"
#include "tools/inputs/record.h"

namespace gyrus {

// Images and their labels in the IDX format of MNIST (http://yann.lecun.com/exdb/mnist): a
// big-endian header (magic, count, and for images height and width), then one unsigned byte per
// pixel or label. Nothing is read on trust: the counts of the headers must agree with the sizes
// of the files, byte for byte, and with each other.
//
// Thread-compatible.
class IdxInput final : public Input {
 public:
  static constexpr int kMaxSide = 4096;  // Pixels

  // `labels` is nullopt for images without labels.
  // Returns InvalidArgument if a header is none, or disagrees with its file or the other header.
  static absl::StatusOr<std::unique_ptr<IdxInput>> Create(ByteReader images,
                                                          std::optional<ByteReader> labels);

  // The path of the labels of these images: "train-images-idx3-ubyte" gives
  // "train-labels-idx1-ubyte", and likewise "x-images.idx3-ubyte". Nullopt if the file name does
  // not contain "images".
  static std::optional<std::string> LabelsPath(const std::string& images_path);

  const Schema& schema() const override { return schema_; }

  // Returns DataLoss if a file has become shorter since Create().
  absl::StatusOr<bool> Next(Record* record) override;

  std::optional<uint64_t> size_hint() const override { return count_; }
  absl::Status Seek(const Place& place) override;

 private:
  IdxInput(ByteReader images, std::optional<ByteReader> labels)
      : images_(std::move(images)), labels_(std::move(labels)) {}

  absl::Status ReadHeaders();
  size_t pixels() const { return static_cast<size_t>(schema_.height) * schema_.width; }

  ByteReader images_;
  std::optional<ByteReader> labels_;
  Schema schema_{.kind = Schema::Kind::kImages};
  uint64_t count_ = 0;
  uint64_t next_ = 0;
  size_t consume_ = 0;  // The bytes that the last record still points at.
};

}  // namespace gyrus
