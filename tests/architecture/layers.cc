// SPDX-License-Identifier: Apache-2.0
#include "tests/architecture/layers.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace gyrus::test {
namespace {

struct Layer {
  absl::string_view name;
  std::vector<absl::string_view> may_include;  // Besides itself.
};

const std::vector<Layer>& Layers() {
  static const std::vector<Layer> layers = {
      {"proto", {}},
      {"core", {}},
      {"activation", {"core"}},
      {"learner", {"core", "activation"}},
      {"runtime", {"proto", "core", "activation", "learner"}},
      {"sync", {"proto", "core", "activation", "learner", "runtime"}},
      {"devices", {"proto", "core", "activation", "learner", "runtime", "sync"}},
      {"tools", {"proto", "core", "activation", "learner", "runtime", "sync", "devices"}},
      {"bindings", {"proto", "core", "activation", "learner", "runtime", "sync", "devices"}},
      {"examples", {"proto", "core", "activation", "learner", "runtime", "sync", "devices"}},
      {"tests",
       {"proto", "core", "activation", "learner", "runtime", "sync", "devices", "tools", "bindings",
        "examples"}},
  };
  return layers;
}

// A header family and the places that may see it: beginnings of paths. "tests" sees everything.
struct Library {
  absl::string_view prefix;  // Of the included path; a whole path if it names a file.
  absl::string_view name;
  std::vector<absl::string_view> places;
  bool sources_only = false;  // In .cc files only, so that no header shows its types.
};

const std::vector<Library>& Libraries() {
  static const std::vector<Library> libraries = {
      {"absl/",
       "absl",
       {"core/", "activation/", "learner/", "runtime/", "sync/", "devices/", "tools/", "bindings/",
        "examples/"}},
      {"hwy/", "Highway", {"core/kernels/"}},
      {"Eigen/", "Eigen", {"activation/", "learner/", "runtime/", "sync/", "devices/"}, true},
      {"cblas.h", "OpenBLAS", {"learner/", "sync/"}, true},
      {"google/protobuf/", "protobuf", {"proto/", "runtime/", "sync/", "tools/"}},
      {"grpcpp/", "gRPC", {"sync/"}},
      {"grpc/", "gRPC", {"sync/"}},
      {"sqlite3.h", "SQLite", {"runtime/store"}, true},
      {"openssl/", "OpenSSL", {"sync/"}, true},
      {"libpq-fe.h", "libpq", {"sync/store"}, true},
      {"mujoco/", "MuJoCo", {"devices/"}, true},
      {"CLI/", "CLI11", {"tools/"}},
      {"httplib.h", "cpp-httplib", {"tools/"}, true},
      {"pybind11/", "pybind11", {"bindings/"}},
      {"gtest/", "GoogleTest", {}},
      {"gmock/", "GoogleTest", {}},
      {"rapidcheck", "rapidcheck", {}},
      {"benchmark/", "Google Benchmark", {}},
      {"iostream", "iostream", {"tools/", "examples/"}},
      {"thread", "threads", {"runtime/", "sync/", "devices/", "tools/", "bindings/", "examples/"}},
  };
  return libraries;
}

bool IsHeader(absl::string_view path) { return absl::EndsWith(path, ".h"); }

// Whether `header` is the library's: below its folder, or that very file.
bool BelongsTo(absl::string_view header, absl::string_view prefix) {
  if (!absl::StartsWith(header, prefix)) return false;
  return absl::EndsWith(prefix, "/") || header.size() == prefix.size() ||
         header[prefix.size()] == '/' || header[prefix.size()] == '.';
}

// What an #include line includes, with whether it stood in quotes.
struct Include {
  absl::string_view header;
  bool quoted = false;
};

std::optional<Include> ParseInclude(absl::string_view line) {
  line = absl::StripAsciiWhitespace(line);
  if (!absl::ConsumePrefix(&line, "#")) return std::nullopt;
  line = absl::StripLeadingAsciiWhitespace(line);
  if (!absl::ConsumePrefix(&line, "include")) return std::nullopt;
  line = absl::StripLeadingAsciiWhitespace(line);
  if (line.empty() || (line[0] != '"' && line[0] != '<')) return std::nullopt;
  const bool quoted = line[0] == '"';
  line.remove_prefix(1);
  return Include{line.substr(0, line.find(quoted ? '"' : '>')), quoted};
}

// The layer that a header belongs to; protoc's output counts as proto.
absl::string_view LayerOf(absl::string_view path) {
  if (absl::StartsWith(path, "gyrus/v1/")) return "proto";
  return path.substr(0, path.find('/'));
}

const Layer* FindLayer(absl::string_view name) {
  for (const Layer& layer : Layers()) {
    if (layer.name == name) return &layer;
  }
  return nullptr;
}

// Why `path` must not include the header of a layer; empty if it may.
std::string LayerFault(const Layer& from, const Layer& to, absl::string_view header) {
  if (from.name != to.name && std::find(from.may_include.begin(), from.may_include.end(),
                                        to.name) == from.may_include.end()) {
    return absl::StrCat(from.name, " must not include ", to.name);
  }
  if (from.name != to.name && from.name != "tests" && absl::StrContains(header, "/internal/")) {
    return absl::StrCat(from.name, " must not include the internal ", header);
  }
  return "";
}

std::string LibraryFault(absl::string_view path, const Library& library) {
  if (absl::StartsWith(path, "tests/")) return "";
  const bool placed =
      std::any_of(library.places.begin(), library.places.end(),
                  [path](absl::string_view place) { return absl::StartsWith(path, place); });
  const absl::string_view layer = LayerOf(path);
  if (!placed) return absl::StrCat(layer, " must not include ", library.name, " here");
  if (library.sources_only && IsHeader(path)) {
    return absl::StrCat("a header must not include ", library.name);
  }
  return "";
}

std::string IncludeFault(absl::string_view path, const Include& include) {
  const absl::string_view header = include.header;
  if (absl::StrContains(header, "..")) {
    return absl::StrCat("include by path from the root, not ", header);
  }
  const Layer* const from = FindLayer(LayerOf(path));
  const Layer* const to = FindLayer(LayerOf(header));
  if (from == nullptr) return absl::StrCat("no layer is called ", LayerOf(path));
  if (to != nullptr && absl::StrContains(header, "/")) return LayerFault(*from, *to, header);
  for (const Library& library : Libraries()) {
    if (BelongsTo(header, library.prefix)) return LibraryFault(path, library);
  }
  // In angle brackets: the standard library and the system.
  if (!include.quoted) return "";
  return absl::StrCat(header, " is neither in a layer nor a library that a layer may see");
}

bool IsWord(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

bool HasWord(absl::string_view line, absl::string_view word) {
  for (std::size_t at = line.find(word); at != absl::string_view::npos;
       at = line.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !IsWord(line[at - 1])) && (end == line.size() || !IsWord(line[end]))) {
      return true;
    }
  }
  return false;
}

// The words are written in two halves, as this file is read too.
std::string WordFault(absl::string_view line) {
  if (HasWord(line,
              "std::"
              "string_view"))
    return "use absl::string_view";
  for (const absl::string_view word : {"TO"
                                       "DO",
                                       "FIX"
                                       "ME",
                                       "X"
                                       "XX"}) {
    if (HasWord(line, word)) return absl::StrCat(word, " belongs in an issue");
  }
  return "";
}

}  // namespace

std::vector<std::string> CheckFile(absl::string_view path, absl::string_view text) {
  std::vector<std::string> faults;
  const auto add = [&faults, path](std::size_t line, absl::string_view fault) {
    if (!fault.empty()) faults.push_back(absl::StrCat(path, ":", line, ": ", fault));
  };
  absl::ConsumeSuffix(&text, "\n");
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
  const std::size_t first = absl::StartsWith(lines[0], "#!") && lines.size() > 1 ? 1 : 0;
  if (!absl::EndsWith(lines[first], "SPDX-License-Identifier: Apache-2.0")) {
    add(first + 1, "the first line must be the SPDX line");
  }
  const bool is_code = IsHeader(path) || absl::EndsWith(path, ".cc");
  for (std::size_t i = 0; i < lines.size(); ++i) {
    add(i + 1, WordFault(lines[i]));
    const std::optional<Include> include = ParseInclude(lines[i]);
    if (is_code && include.has_value()) add(i + 1, IncludeFault(path, *include));
  }
  const std::size_t limit = IsHeader(path) ? 300 : 500;
  if (lines.size() > limit) {
    add(lines.size(), absl::StrCat("at most ", limit, " lines, got ", lines.size()));
  }
  return faults;
}

std::vector<std::string> CodeFolders() {
  std::vector<std::string> folders;
  for (const Layer& layer : Layers()) folders.emplace_back(layer.name);
  return folders;
}

}  // namespace gyrus::test
