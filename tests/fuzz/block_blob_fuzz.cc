// SPDX-License-Identifier: Apache-2.0
// Whatever the bytes, ReadBlockBlob returns; what it accepts, it has checked before the first
// visit, and a builder writes it again. The bytes come as they are, and with the seal put right, as
// no fuzzer finds it.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/check.h"
#include "core/crc32c.h"
#include "runtime/store/block_blob.h"

namespace gyrus {
namespace {

constexpr std::array<std::size_t, 2> kBlockBytes = {8, 64};

void Read(std::span<const std::byte> blob) {
  BlockBlobBuilder builder;
  const auto run = ReadBlockBlob(blob, kBlockBytes, [&](BlockId id, auto block) {
    GYRUS_CHECK(id.table < kBlockBytes.size() && id.index < kMaxBlockIndex);
    GYRUS_CHECK(block.size() == kBlockBytes[id.table]);
    builder.Add(id, block);
    return absl::OkStatus();
  });
  if (!run.ok()) {
    GYRUS_CHECK(builder.blocks() == 0);
    return;
  }
  GYRUS_CHECK(builder.blocks() == run->blocks);
  const std::span<const std::byte> again = builder.Seal(*run);
  GYRUS_CHECK(again.size() == blob.size());
  GYRUS_CHECK(ReadBlockBlob(again, kBlockBytes, [](BlockId, std::span<const std::byte>) {
                return absl::OkStatus();
              }).ok());
}

}  // namespace
}  // namespace gyrus

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  gyrus::Read(bytes);
  std::vector<std::byte> sealed(bytes.begin(), bytes.end());
  const uint32_t seal = gyrus::Crc32c(bytes);
  const auto end = std::as_bytes(std::span(&seal, 1));
  sealed.insert(sealed.end(), end.begin(), end.end());
  gyrus::Read(sealed);
  return 0;
}
