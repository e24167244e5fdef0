// SPDX-License-Identifier: Apache-2.0
#include "tools/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
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

// Every element that is opened is closed, in order.
void ExpectBalanced(const std::string& page) {
  const std::set<std::string> alone = {"!doctype", "meta",     "html", "rect",
                                       "line",     "polyline", "path", "circle"};
  std::vector<std::string> open;
  for (std::size_t at = page.find('<'); at != std::string::npos; at = page.find('<', at + 1)) {
    const std::size_t end = page.find('>', at);
    ASSERT_NE(end, std::string::npos);
    const bool closes = page[at + 1] == '/';
    const std::size_t name = at + 1 + (closes ? 1 : 0);
    const std::string tag = page.substr(name, page.find_first_of(" \n>/", name) - name);
    if (page[end - 1] == '/' || alone.count(tag) > 0) continue;
    if (!closes) {
      open.push_back(tag);
      continue;
    }
    ASSERT_FALSE(open.empty()) << tag;
    ASSERT_EQ(open.back(), tag) << page.substr(at - 80, 120);
    open.pop_back();
  }
  EXPECT_TRUE(open.empty()) << open.back();
}

void ExpectSound(const std::string& page) {
  ExpectBalanced(page);
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
  for (const char* part :
       {"Learning health", "How well it learned", "Which regions woke", "Load of each region",
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

TEST(ReportTest, SaysWhatOfTheBrainsHealthWasNotMeasured) {
  const std::string page = RenderReport(test::TinyText(), {Interval(1024, "2.5"), kSummary});
  ExpectSound(page);
  EXPECT_THAT(page, HasSubstr("Not measured: no samples are stored"));
  EXPECT_THAT(page, HasSubstr("<code>drift</code> is off"));
  EXPECT_THAT(page, HasSubstr("<code>guard</code> is off"));
  EXPECT_THAT(page, Not(HasSubstr("Plasticity")));
}

TEST(ReportTest, ShowsWhatStoredSamplesTellOfForgetting) {
  BrainSpec spec = test::TinyReplaying(1);
  spec.areas[0].learning.plasticity.rho = 1e-4F;
  const auto interval = [](int examples, const char* replay_loss) {
    return absl::StrCat(R"({"kind":"interval","run":1,"examples":)", examples,
                        R"(,"loss":1.5,"loss_name":"log loss","replay_loss":)", replay_loss,
                        R"(,"renewed":3})");
  };
  const std::string page =
      RenderReport(spec, {interval(100, "null"), interval(200, "0.5"), interval(300, "0.25")});
  ExpectSound(page);
  EXPECT_THAT(page, HasSubstr("stored samples <b>0.25</b>"));
  EXPECT_THAT(page, HasSubstr("new examples <b>1.5</b>"));
  EXPECT_THAT(page, HasSubstr("began anew: 9."));
  EXPECT_THAT(page, Not(HasSubstr("Not measured")));
}

TEST(ReportTest, ShowsWhatARepeatedTestTellsOfForgetting) {
  const auto run = [](const char* test, double accuracy) {
    return absl::StrCat(R"({"kind":"summary","run":1,"test":")", test, R"(","test_accuracy":)",
                        accuracy, "}");
  };
  const std::string page =
      RenderReport(test::TinyLabelled(1), {Interval(1024, "2.5"), run("old <b>", 0.9), run("x", 1),
                                           run("old <b>", 0.95), run("old <b>", 0.5)});
  ExpectSound(page);
  EXPECT_THAT(page, HasSubstr("old &lt;b&gt;</th><th>3</th><th>95</th><th>50</th><th>% right"));
  EXPECT_THAT(page, Not(HasSubstr(">x</th>"))) << "given once";
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
