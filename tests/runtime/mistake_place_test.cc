// SPDX-License-Identifier: Apache-2.0
#include "runtime/mistake_place.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_replace.h"
#include "activation/plan.h"
#include "runtime/brain_text.h"
#include "tests/support/status_matchers.h"

namespace gyrus {
namespace {

constexpr char kBrain[] = R"(modalities { name: "byte" kind: SYMBOL size: 256 }
encoders {
  name: "symbols"
  modality: "byte"
  symbols { one_hot: true }
}
areas {
  name: "middle"
  inputs: "symbols"
  regions: 8
  woken: 2
  router { hash { dimensions: 4 width: 1 } }
  cell { glu { hidden: 16 } }
}
areas {
  name: "top"
  inputs: "symbols"
  inputs: "middle"
  router { all {} }
  cell {
    mcsd { units: 8 channels: 2 }
  }
}
heads {
  name: "next"
  classes: 256
  mixing {
    experts { name: "memory" memory { encoder: "symbols" rows_log2: 8 } }
    experts { name: "match" match { encoder: "symbols" } }
    sets { factors: ["node"] }
    sets { factors: ["symbols.0", "node"] }
    maps { factors: "memory.0" rows_log2: 10 }
  }
}
label_window: 4
)";

// What opening the brain says with `from` changed to `to`.
std::string Mistake(const std::string& from, const std::string& to) {
  const std::string text = absl::StrReplaceAll(kBrain, {{from, to}});
  const auto spec = ParseBrain(text, "brain.textproto");
  EXPECT_THAT(spec, test::IsOk()) << text;
  if (!spec.ok()) return "";
  const absl::Status status = PlaceMistake(text, "brain.textproto", Plan::Create(*spec).status());
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << to;
  return std::string(status.message());
}

struct Case {
  const char* from;
  const char* to;
  const char* said;
};

TEST(PlaceMistakeTest, FindsWhatAPlanRefuses) {
  const Case cases[] = {
      // A number of an area, of its router, its cell, an expert; one without an area.
      {"regions: 8", "regions: 0", "10:3: area \"middle\".regions must be in"},
      {"dimensions: 4", "dimensions: 0", "12:19: area \"middle\".router: dimensions must"},
      {"channels: 2", "channels: 3", "21:21: area \"top\".cell: channels must be even"},
      {"rows_log2: 8", "rows_log2: 3", "28:58: head \"next\": expert \"memory\": rows_log2"},
      {"label_window: 4", "label_window: 0", "35:1: label_window must be in"},
      // Names that nothing has.
      {"modality: \"byte\"", "modality: \"bite\"",
       "4:3: encoder \"symbols\".modality: there is no"},
      {"inputs: \"middle\"", "inputs: \"midle\"", "18:3: area \"top\".inputs: there is no"},
      {"factors: \"memory.0\"", "factors: \"memory.9\"",
       "32:12: head \"next\": factor \"memory.9\""},
      {"\"symbols.0\", \"node\"", "\"symbol.0\", \"node\"", "31:12: head \"next\": factor"},
      {"name: \"top\"", "name: \"middle\"", "15:1: area \"middle\": the name is already taken"},
      // What is not there is the part's mistake that lacks it.
      {"  woken: 2\n", "  woken: 9\n",
       "11:3: area \"middle\".woken must be in [1, regions = 8], got 9"},
      {"inputs: \"symbols\"\n  regions", "regions", "7:1: area \"middle\".inputs is empty"},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(Mistake(c.from, c.to),
                testing::StartsWith(std::string("brain.textproto:") + c.said));
  }
}

TEST(PlaceMistakeTest, LeavesOtherTroubleAlone) {
  const absl::Status trouble = absl::ResourceExhaustedError("area \"top\": no memory");
  EXPECT_EQ(PlaceMistake(kBrain, "brain.textproto", trouble), trouble);
  EXPECT_EQ(PlaceMistake(kBrain, "brain.textproto", absl::OkStatus()), absl::OkStatus());
}

TEST(PlaceMistakeTest, SurvivesWordsThatLeadNowhere) {
  for (const char* words :
       {"", "\"", "area \"", "areas[", "areas[9].x", "areas[-1", "areas[0]",
        "head \"next\": experts[7]", "area \"nobody\": x", "...", "name \"\""}) {
    EXPECT_THAT(std::string(PlaceMistake(kBrain, "b", absl::InvalidArgumentError(words)).message()),
                testing::MatchesRegex("b:[0-9]+:[0-9]+: .*"))
        << words;
  }
  EXPECT_EQ(PlaceMistake("no brain", "b", absl::InvalidArgumentError("x")).message(), "b:1:1: x");
}

}  // namespace
}  // namespace gyrus
