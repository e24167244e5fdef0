// SPDX-License-Identifier: Apache-2.0
#include "tools/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/tiny_brains.h"

namespace gyrus {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string Interval(int examples, const std::string& loss) {
  return absl::StrCat(R"({"kind":"interval","run":1,"examples":)", examples,
                      R"(,"seconds":0.5,"loss":)", loss,
                      R"(,"loss_name":"bits/symbol","baseline":3.1,"baseline_name":"order-0",)",
                      R"("accuracy":null,"areas":[{"name":"memory","bins":[12,0,3]}]})");
}

constexpr char kSummary[] =
    R"({"kind":"summary","run":1,"command":"learn","input":"<b>book</b>.txt","examples":2048,
        "loss":2.5,"bits_per_symbol":2.5,"baseline":{"name":"order-0","value":3.1},
        "accuracy":null,"mse":null,"parameters":1000,"parameters_woken_mean":10,
        "step_us_histogram":[[1.0,50],[1.5,40],[20,1]],"learn_us_histogram":[[4,91]],
        "load":[{"area":"memory","regions":3,"bins":[24,0,6]}]})";

void ExpectSound(const std::string& page) {
  EXPECT_THAT(page, testing::StartsWith("<!doctype html>"));
  EXPECT_THAT(page, testing::EndsWith("</html>\n"));
  for (const char* unwanted : {"nan", "inf\"", "http://", "https://", "<script", "src="}) {
    EXPECT_THAT(page, Not(HasSubstr(unwanted)));
  }
}

TEST(ReportTest, SaysSoIfNothingWasLearned) {
  const std::string page = RenderReport(test::TinyText(), {});
  ExpectSound(page);
  EXPECT_THAT(page, HasSubstr("has not learned anything yet"));
  EXPECT_THAT(page, HasSubstr("one of 256 symbols"));
}

TEST(ReportTest, ShowsOneIntervalAsAPoint) {
  const std::string page = RenderReport(test::TinyText(), {Interval(1024, "2.5")});
  ExpectSound(page);
  EXPECT_THAT(page, HasSubstr("this brain <b>2.5</b>"));
  EXPECT_THAT(page, HasSubstr("order-0 <b>3.1</b>"));
}

TEST(ReportTest, DrawsEverythingOfARun) {
  const std::string page =
      RenderReport(test::TinyText(), {Interval(1024, "2.75"), Interval(2048, "2.25"), kSummary});
  ExpectSound(page);
  for (const char* part : {"How well it learned", "Which regions woke", "Load of each region",
                           "How long it took", "The last run in numbers", "What this brain is"}) {
    EXPECT_THAT(page, HasSubstr(part));
  }
}

TEST(ReportTest, JudgesClassesByRightAnswers) {
  const std::string page = RenderReport(
      test::TinyText(), {R"({"kind":"interval","run":1,"examples":100,"loss":0.7,"accuracy":0.75,)"
                         R"("baseline":0.5,"baseline_name":"majority"})"});
  ExpectSound(page);
  EXPECT_THAT(page, HasSubstr("this brain <b>75</b>"));
  EXPECT_THAT(page, HasSubstr("majority <b>50</b>"));
  EXPECT_THAT(page, HasSubstr("Higher is better"));
}

TEST(ReportTest, EscapesNamesFromOutside) {
  BrainSpec spec = test::TinyText();
  spec.name = "<script>alert(1)</script>";
  const std::string page = RenderReport(spec, {Interval(1024, "2.5"), kSummary});
  ExpectSound(page);
  EXPECT_THAT(page, Not(HasSubstr("<b>book")));
  EXPECT_THAT(page, HasSubstr("&lt;b&gt;book"));
}

TEST(ReportTest, SurvivesNullsAndDamagedLines) {
  const std::string page = RenderReport(
      test::TinyText(),
      {Interval(1024, "null"), Interval(2048, "\"NaN\""), "{\"kind\":\"interval\"", "[1]", "",
       R"({"kind":"interval","examples":1e400})", R"({"kind":"summary","load":[{"bins":[-1]}]})"});
  ExpectSound(page);
  EXPECT_THAT(page, HasSubstr("lines of its history could not be read"));
}

TEST(ReportTest, TellsOfTheBrainsHealth) {
  const std::string page =
      RenderReport(test::TinyText(),
                   {R"({"kind":"drift","step":812})",
                    R"({"kind":"guard","event":"rollback","loss":4.5,"reference":0.5,"blocks":3})",
                    R"({"kind":"guard","event":"accepted","loss":3.5,"reference":0.5})"});

  ExpectSound(page);
  EXPECT_THAT(page, HasSubstr("last at step 812"));
  EXPECT_THAT(page, HasSubstr("taken back</th><th>4.5</th><th>0.5"));
  EXPECT_THAT(page, HasSubstr("the world has changed</th><th>3.5"));
  EXPECT_THAT(page, Not(HasSubstr("could not be read")));
}

TEST(ReportTest, PutsALaterRunBehindAnEarlierOne) {
  std::string second = Interval(1024, "2");
  second.replace(second.find("\"run\":1"), 7, "\"run\":2");
  const std::string page =
      RenderReport(test::TinyText(), {Interval(1024, "2.5"), second, kSummary, kSummary});
  EXPECT_THAT(page, HasSubstr(">2,000</span>"));  // The axis reaches to 2,048 examples.
  EXPECT_THAT(page, HasSubstr("All runs"));
}

}  // namespace
}  // namespace gyrus
