// SPDX-License-Identifier: Apache-2.0
#include "runtime/export.h"

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/status_macros.h"
#include "runtime/store/safetensors_writer.h"

namespace gyrus {
namespace {

safetensors::Dtype DtypeOf(ElementType type) {
  switch (type) {
    case ElementType::kF32:
      return safetensors::Dtype::kF32;
    case ElementType::kBf16:
      return safetensors::Dtype::kBf16;
    case ElementType::kI8:
      return safetensors::Dtype::kI8;
    case ElementType::kU16:
      return safetensors::Dtype::kU16;
    case ElementType::kU32:
      return safetensors::Dtype::kU32;
    case ElementType::kU8:
    case ElementType::kTernary:
      return safetensors::Dtype::kU8;
  }
  return safetensors::Dtype::kU8;
}

// One tensor of a table as it travels, with `blocks` of them.
safetensors::TensorEntry EntryOf(const TableSpec& spec, std::size_t i, uint64_t blocks) {
  const TensorSpec& tensor = spec.layout.tensors()[i];
  std::vector<uint64_t> shape = {blocks, tensor.rows, tensor.columns};
  if (tensor.type == ElementType::kTernary) shape = {blocks, spec.layout.tensor_bytes(i)};
  return {absl::StrCat(spec.name, ".", tensor.name), DtypeOf(tensor.type), std::move(shape)};
}

}  // namespace

absl::Status ExportBlocks(const Hold& hold, const std::string& path) {
  const Store& store = hold.store();
  std::vector<safetensors::TensorEntry> entries;
  std::map<std::string, std::pair<uint32_t, std::size_t>> places;  // Table and tensor, by name.
  for (uint32_t t = 0; t < store.num_tables(); ++t) {
    const TableSpec& spec = store.spec(t);
    for (std::size_t i = 0; i < spec.layout.tensors().size(); ++i) {
      entries.push_back(EntryOf(spec, i, spec.blocks));
      places[entries.back().name] = {t, i};
    }
  }
  GYRUS_ASSIGN_OR_RETURN(safetensors::Writer writer,
                         safetensors::Writer::Create(path, std::move(entries), {}, {}));
  for (const safetensors::TensorEntry& entry : writer.order()) {
    const auto [table, tensor] = places[entry.name];
    const BlockLayout& layout = store.spec(table).layout;
    for (uint32_t b = 0; b < store.spec(table).blocks; ++b) {
      const std::byte* const start = hold.Read({table, b}) + layout.offset(tensor);
      GYRUS_RETURN_IF_ERROR(writer.Append({start, layout.tensor_bytes(tensor)}));
    }
  }
  return writer.Finish();
}

absl::Status ExportFork(const Store& store, const Fork& fork, const std::string& path) {
  struct Own {
    std::vector<uint32_t> indices;
    std::vector<const std::byte*> blocks;
  };
  std::map<uint32_t, Own> tables;
  fork.Visit([&](uint32_t table, uint32_t index, const std::byte* block) {
    tables[table].indices.push_back(index);
    tables[table].blocks.push_back(block);
  });
  constexpr std::size_t kIndex = ~std::size_t{0};
  std::vector<safetensors::TensorEntry> entries;
  std::map<std::string, std::pair<uint32_t, std::size_t>> places;
  for (const auto& [t, own] : tables) {
    const TableSpec& spec = store.spec(t);
    entries.push_back({absl::StrCat(spec.name, ".index"),
                       safetensors::Dtype::kU32,
                       {uint64_t{own.indices.size()}}});
    places[entries.back().name] = {t, kIndex};
    for (std::size_t i = 0; i < spec.layout.tensors().size(); ++i) {
      entries.push_back(EntryOf(spec, i, own.blocks.size()));
      places[entries.back().name] = {t, i};
    }
  }
  GYRUS_ASSIGN_OR_RETURN(safetensors::Writer writer,
                         safetensors::Writer::Create(path, std::move(entries), {}, {}));
  for (const safetensors::TensorEntry& entry : writer.order()) {
    const auto [table, tensor] = places[entry.name];
    const Own& own = tables[table];
    if (tensor == kIndex) {
      GYRUS_RETURN_IF_ERROR(writer.Append(std::as_bytes(std::span(own.indices))));
      continue;
    }
    const BlockLayout& layout = store.spec(table).layout;
    for (const std::byte* const block : own.blocks) {
      GYRUS_RETURN_IF_ERROR(
          writer.Append({block + layout.offset(tensor), layout.tensor_bytes(tensor)}));
    }
  }
  return writer.Finish();
}

}  // namespace gyrus
