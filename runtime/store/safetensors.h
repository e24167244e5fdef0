// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// The safetensors format, in which models travel between tools:
//
//   8 bytes   length of the header, little-endian
//   header    JSON: {"__metadata__":{...},"NAME":{"dtype":"F32","shape":[2,3],
//             "data_offsets":[0,24]},...}, padded with spaces
//   data      the tensors, one behind the other, little-endian, row-major
//
// What is written is byte for byte what the Python library writes. What is read is refused unless
// the tensors fill the data exactly, without gap or overlap, each as long as its type and shape
// say, and no name appears twice.
namespace gyrus::safetensors {

// In the library's order, by which tensors are sorted, largest first, so that each is aligned.
enum class Dtype : uint8_t {
  kBool,
  kU8,
  kI8,
  kF8E5M2,
  kF8E4M3,
  kI16,
  kU16,
  kF16,
  kBf16,
  kI32,
  kU32,
  kF32,
  kF64,
  kI64,
  kU64,
};

// Bytes of one element: 1, 2, 4 or 8.
std::size_t SizeOf(Dtype dtype);

// "F32", "BF16", ...
absl::string_view NameOf(Dtype dtype);

// One tensor without its content.
struct TensorEntry {
  std::string name;  // UTF-8; not "__metadata__".
  Dtype dtype = Dtype::kF32;
  std::vector<uint64_t> shape;  // Empty: a scalar.

  bool operator==(const TensorEntry&) const = default;
};

// Bytes of a tensor's content. Returns InvalidArgument if they exceed 2^63.
absl::StatusOr<uint64_t> BytesOf(const TensorEntry& tensor);

using Metadata = std::map<std::string, std::string>;

// A file that was read. The views are into the bytes that were given to Parse.
struct Contents {
  struct Tensor {
    TensorEntry entry;
    std::span<const std::byte> data;
  };
  Metadata metadata;
  std::vector<Tensor> tensors;  // In the order of their data.
};

// The longest header that is read, as in the library.
inline constexpr uint64_t kMaxHeaderBytes = 100'000'000;

// Reads a whole file. Returns InvalidArgument, naming the place, for anything but a well-formed
// file. Memory stays in proportion to the header.
absl::StatusOr<Contents> Parse(std::span<const std::byte> file);

struct WriteOptions {
  // The data starts at a multiple of this many bytes; a power of two of at least 8. 8 gives the
  // library's bytes; 64 lets a store start on the mapped file.
  std::size_t data_alignment = 8;
};

// Sorts tensors as the library writes them: by dtype, largest first, then by name.
void SortForWriting(std::vector<TensorEntry>* tensors);

// The file's beginning, up to the data. Requires: sorted for writing. Returns InvalidArgument if a
// name is repeated, reserved or not UTF-8, or a size is out of range.
absl::StatusOr<std::string> Header(std::span<const TensorEntry> tensors, const Metadata& metadata,
                                   const WriteOptions& options);

}  // namespace gyrus::safetensors
