// SPDX-License-Identifier: Apache-2.0
#include "runtime/export.h"

#include <map>
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

}  // namespace

absl::Status ExportBlocks(const Hold& hold, const std::string& path) {
  const Store& store = hold.store();
  std::vector<safetensors::TensorEntry> entries;
  std::map<std::string, std::pair<uint32_t, std::size_t>> places;  // Table and tensor, by name.
  for (uint32_t t = 0; t < store.num_tables(); ++t) {
    const TableSpec& spec = store.spec(t);
    for (std::size_t i = 0; i < spec.layout.tensors().size(); ++i) {
      const TensorSpec& tensor = spec.layout.tensors()[i];
      const std::string name = absl::StrCat(spec.name, ".", tensor.name);
      std::vector<uint64_t> shape = {spec.blocks, tensor.rows, tensor.columns};
      if (tensor.type == ElementType::kTernary) shape = {spec.blocks, spec.layout.tensor_bytes(i)};
      entries.push_back({name, DtypeOf(tensor.type), std::move(shape)});
      places[name] = {t, i};
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

}  // namespace gyrus
