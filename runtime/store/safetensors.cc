// SPDX-License-Identifier: Apache-2.0
#include "runtime/store/safetensors.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/check.h"
#include "core/status_macros.h"
#include "runtime/store/json_cursor.h"

namespace gyrus::safetensors {
namespace {

struct DtypeRow {
  absl::string_view name;
  std::size_t size;
};

// By Dtype.
constexpr std::array<DtypeRow, 15> kDtypes = {{{"BOOL", 1},
                                               {"U8", 1},
                                               {"I8", 1},
                                               {"F8_E5M2", 1},
                                               {"F8_E4M3", 1},
                                               {"I16", 2},
                                               {"U16", 2},
                                               {"F16", 2},
                                               {"BF16", 2},
                                               {"I32", 4},
                                               {"U32", 4},
                                               {"F32", 4},
                                               {"F64", 8},
                                               {"I64", 8},
                                               {"U64", 8}}};

constexpr absl::string_view kMetadataName = "__metadata__";

std::optional<Dtype> DtypeOf(absl::string_view name) {
  for (std::size_t d = 0; d < kDtypes.size(); ++d) {
    if (kDtypes[d].name == name) return static_cast<Dtype>(d);
  }
  return std::nullopt;
}

// A tensor as the header has it.
struct Placed {
  TensorEntry entry;
  uint64_t begin = 0;
  uint64_t end = 0;
};

absl::StatusOr<std::vector<uint64_t>> ParseNumbers(JsonCursor* json) {
  std::vector<uint64_t> numbers;
  GYRUS_RETURN_IF_ERROR(json->Mark('['));
  if (json->TryMark(']')) return numbers;
  do {
    GYRUS_ASSIGN_OR_RETURN(const uint64_t number, json->Whole());
    numbers.push_back(number);
  } while (json->TryMark(','));
  GYRUS_RETURN_IF_ERROR(json->Mark(']'));
  return numbers;
}

absl::Status ParseMetadata(JsonCursor* json, Metadata* metadata) {
  GYRUS_RETURN_IF_ERROR(json->Mark('{'));
  if (json->TryMark('}')) return absl::OkStatus();
  do {
    GYRUS_ASSIGN_OR_RETURN(std::string key, json->String());
    GYRUS_RETURN_IF_ERROR(json->Mark(':'));
    GYRUS_ASSIGN_OR_RETURN(std::string value, json->String());
    if (!metadata->emplace(key, std::move(value)).second) {
      return json->Error(absl::StrCat("metadata ", JsonString(key), " appears twice"));
    }
  } while (json->TryMark(','));
  return json->Mark('}');
}

absl::Status ParseField(JsonCursor* json, const std::string& key, Placed* tensor) {
  if (key == "dtype") {
    GYRUS_ASSIGN_OR_RETURN(const std::string name, json->String());
    const std::optional<Dtype> dtype = DtypeOf(name);
    if (!dtype.has_value()) return json->Error(absl::StrCat("unknown dtype ", JsonString(name)));
    tensor->entry.dtype = *dtype;
    return absl::OkStatus();
  }
  if (key == "shape") {
    GYRUS_ASSIGN_OR_RETURN(tensor->entry.shape, ParseNumbers(json));
    return absl::OkStatus();
  }
  if (key == "data_offsets") {
    GYRUS_ASSIGN_OR_RETURN(const std::vector<uint64_t> offsets, ParseNumbers(json));
    if (offsets.size() != 2) return json->Error("data_offsets must be two numbers");
    tensor->begin = offsets[0];
    tensor->end = offsets[1];
    return absl::OkStatus();
  }
  return json->Error(absl::StrCat("unknown field ", JsonString(key)));
}

absl::StatusOr<Placed> ParseTensor(JsonCursor* json, std::string name) {
  Placed tensor;
  std::set<std::string> seen;
  GYRUS_RETURN_IF_ERROR(json->Mark('{'));
  do {
    GYRUS_ASSIGN_OR_RETURN(const std::string key, json->String());
    GYRUS_RETURN_IF_ERROR(json->Mark(':'));
    GYRUS_RETURN_IF_ERROR(ParseField(json, key, &tensor));
    if (!seen.insert(key).second) {
      return json->Error(absl::StrCat("field ", JsonString(key), " appears twice"));
    }
  } while (json->TryMark(','));
  GYRUS_RETURN_IF_ERROR(json->Mark('}'));
  if (seen.size() < 3) {
    return json->Error(
        absl::StrCat("tensor ", JsonString(name), " lacks a dtype, a shape or data_offsets"));
  }
  tensor.entry.name = std::move(name);
  return tensor;
}

absl::StatusOr<std::vector<Placed>> ParseHeader(absl::string_view header, Metadata* metadata) {
  JsonCursor json(header);
  std::vector<Placed> tensors;
  std::set<std::string> names;
  if (header.empty() || header[0] != '{') return json.Error("expected \"{\"");
  GYRUS_RETURN_IF_ERROR(json.Mark('{'));
  if (!json.TryMark('}')) {
    do {
      GYRUS_ASSIGN_OR_RETURN(std::string name, json.String());
      GYRUS_RETURN_IF_ERROR(json.Mark(':'));
      if (!names.insert(name).second) {
        return json.Error(absl::StrCat("tensor ", JsonString(name), " appears twice"));
      }
      if (name == kMetadataName) {
        GYRUS_RETURN_IF_ERROR(ParseMetadata(&json, metadata));
      } else {
        GYRUS_ASSIGN_OR_RETURN(Placed tensor, ParseTensor(&json, std::move(name)));
        tensors.push_back(std::move(tensor));
      }
    } while (json.TryMark(','));
    GYRUS_RETURN_IF_ERROR(json.Mark('}'));
  }
  GYRUS_RETURN_IF_ERROR(json.End());
  return tensors;
}

// That the tensors, sorted by offset, fill `data_bytes` exactly.
absl::Status CheckPlaces(std::span<const Placed> tensors, uint64_t data_bytes) {
  uint64_t end = 0;
  for (const Placed& tensor : tensors) {
    const std::string name = JsonString(tensor.entry.name);
    GYRUS_ASSIGN_OR_RETURN(const uint64_t bytes, BytesOf(tensor.entry));
    if (tensor.begin != end || tensor.end < tensor.begin) {
      return absl::InvalidArgumentError(absl::StrCat("tensor ", name, " lies at [", tensor.begin,
                                                     ", ", tensor.end, "), expected it at ", end));
    }
    if (tensor.end - tensor.begin != bytes) {
      return absl::InvalidArgumentError(absl::StrCat("tensor ", name, " has ",
                                                     tensor.end - tensor.begin,
                                                     " bytes; its dtype and shape need ", bytes));
    }
    end = tensor.end;
  }
  if (end != data_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the tensors have ", end, " bytes, but ", data_bytes, " follow the header"));
  }
  return absl::OkStatus();
}

}  // namespace

std::size_t SizeOf(Dtype dtype) { return kDtypes[static_cast<std::size_t>(dtype)].size; }

absl::string_view NameOf(Dtype dtype) { return kDtypes[static_cast<std::size_t>(dtype)].name; }

absl::StatusOr<uint64_t> BytesOf(const TensorEntry& tensor) {
  constexpr uint64_t kEnd = uint64_t{1} << 63;
  uint64_t bytes = SizeOf(tensor.dtype);
  for (const uint64_t dimension : tensor.shape) {
    if (dimension != 0 && bytes > (kEnd - 1) / dimension) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor ", JsonString(tensor.name), " of shape [",
                       absl::StrJoin(tensor.shape, ","), "] has 2^63 bytes or more"));
    }
    bytes *= dimension;
  }
  return bytes;
}

absl::StatusOr<Contents> Parse(std::span<const std::byte> file) {
  if (file.size() < 8) {
    return absl::InvalidArgumentError(
        absl::StrCat("a safetensors file has at least 8 bytes, got ", file.size()));
  }
  uint64_t header_bytes = 0;
  for (int i = 7; i >= 0; --i) header_bytes = header_bytes << 8 | static_cast<uint64_t>(file[i]);
  if (header_bytes > kMaxHeaderBytes || header_bytes > file.size() - 8) {
    return absl::InvalidArgumentError(absl::StrCat("a header of ", header_bytes, " bytes: at most ",
                                                   kMaxHeaderBytes, " are read, and ",
                                                   file.size() - 8, " are there"));
  }
  const std::span<const std::byte> data = file.subspan(8 + header_bytes);
  const absl::string_view header(reinterpret_cast<const char*>(file.data()) + 8, header_bytes);
  Contents contents;
  GYRUS_ASSIGN_OR_RETURN(std::vector<Placed> tensors, ParseHeader(header, &contents.metadata));
  std::sort(tensors.begin(), tensors.end(), [](const Placed& a, const Placed& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  GYRUS_RETURN_IF_ERROR(CheckPlaces(tensors, data.size()));
  for (Placed& tensor : tensors) {
    contents.tensors.push_back(
        {std::move(tensor.entry), data.subspan(tensor.begin, tensor.end - tensor.begin)});
  }
  return contents;
}

void SortForWriting(std::vector<TensorEntry>* tensors) {
  std::sort(tensors->begin(), tensors->end(), [](const TensorEntry& a, const TensorEntry& b) {
    return a.dtype != b.dtype ? a.dtype > b.dtype : a.name < b.name;
  });
}

absl::StatusOr<std::string> Header(std::span<const TensorEntry> tensors, const Metadata& metadata,
                                   const WriteOptions& options) {
  GYRUS_CHECK(options.data_alignment >= 8 &&
              (options.data_alignment & (options.data_alignment - 1)) == 0);
  std::vector<std::string> items;
  if (!metadata.empty()) {
    const auto pair = [](std::string* out, const auto& item) {
      absl::StrAppend(out, JsonString(item.first), ":", JsonString(item.second));
    };
    items.push_back(
        absl::StrCat(JsonString(kMetadataName), ":{", absl::StrJoin(metadata, ",", pair), "}"));
    for (const auto& [key, value] : metadata) {
      if (IsUtf8(key) && IsUtf8(value)) continue;
      return absl::InvalidArgumentError(absl::StrCat("metadata \"", key, "\" is not UTF-8"));
    }
  }
  uint64_t offset = 0;
  std::set<absl::string_view> names = {kMetadataName};
  for (const TensorEntry& tensor : tensors) {
    if (!IsUtf8(tensor.name) || !names.insert(tensor.name).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor \"", tensor.name, "\" is repeated, reserved or not UTF-8"));
    }
    GYRUS_ASSIGN_OR_RETURN(const uint64_t bytes, BytesOf(tensor));
    items.push_back(absl::StrCat(JsonString(tensor.name), ":{\"dtype\":\"", NameOf(tensor.dtype),
                                 "\",\"shape\":[", absl::StrJoin(tensor.shape, ","),
                                 "],\"data_offsets\":[", offset, ",", offset + bytes, "]}"));
    offset += bytes;
  }
  std::string json = absl::StrCat("{", absl::StrJoin(items, ","), "}");
  const std::size_t step = options.data_alignment;
  json.resize((8 + json.size() + step - 1) / step * step - 8, ' ');
  if (json.size() > kMaxHeaderBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the header has ", json.size(), " bytes; at most ", kMaxHeaderBytes, " can be read again"));
  }
  std::string file;
  for (int i = 0; i < 8; ++i) file.push_back(static_cast<char>(json.size() >> (8 * i) & 0xFF));
  return file + json;
}

}  // namespace gyrus::safetensors
