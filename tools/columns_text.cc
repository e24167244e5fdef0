// SPDX-License-Identifier: Apache-2.0
#include "tools/columns_text.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace gyrus {
namespace {

constexpr std::size_t kMaxListed = 12;

std::string List(const std::vector<std::string>& names) {
  const std::span<const std::string> listed(names.data(), std::min(names.size(), kMaxListed));
  return absl::StrCat("(", absl::StrJoin(listed, ", "),
                      names.size() > listed.size() ? ", ...)" : ")");
}

std::string Counted(absl::string_view one, absl::string_view many,
                    const std::vector<std::string>& names) {
  return absl::StrCat(names.size(), " ", names.size() == 1 ? one : many, " ", List(names));
}

}  // namespace

std::string ColumnsText(const SchemaSpec& schema, const Schema& input) {
  std::vector<std::string> numbers;
  std::vector<std::string> categories;
  std::string target = "no target";
  for (const ColumnSpec& column : schema.columns) {
    const bool category = column.type == ColumnType::kCategory;
    if (column.name == schema.target) {
      target = absl::StrCat("target ", column.name, category ? " (classes)" : " (a number)");
      continue;
    }
    const std::optional<int> found = input.Find(column.name);
    const std::string because = found.has_value() ? input.columns[*found].because : "";
    (category ? categories : numbers)
        .push_back(because.empty() ? column.name : absl::StrCat(column.name, ": ", because));
  }
  std::vector<std::string> parts;
  if (!numbers.empty()) parts.push_back(Counted("number", "numbers", numbers));
  if (!categories.empty()) parts.push_back(Counted("category", "categories", categories));
  parts.push_back(target);
  return absl::StrJoin(parts, ", ");
}

std::string ClassesText(const SchemaSpec& schema, uint32_t room) {
  const std::vector<std::string>& names = schema.class_names;
  return absl::StrCat(names.size(), " of ", room, names.empty() ? "" : " ",
                      names.empty() ? "" : List(names));
}

}  // namespace gyrus
