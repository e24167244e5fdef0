// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <google/protobuf/io/tokenizer.h>

#include <string>

namespace gyrus {

// The first mistake that protobuf's text format finds in a brain, in our words, with the nearest
// name where one is unknown; those after it are often its consequences.
class TextMistake final : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, google::protobuf::io::ColumnNumber column,
                const std::string& message) override;

  int line() const { return line_; }      // From 1.
  int column() const { return column_; }  // From 1.
  const std::string& words() const { return words_; }

 private:
  int line_ = 1;
  int column_ = 1;
  std::string words_;
};

}  // namespace gyrus
