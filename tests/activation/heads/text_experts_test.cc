// SPDX-License-Identifier: Apache-2.0
// Memory, match and the mixing head over them, against plain double-precision arithmetic.
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "activation/brain_spec.h"
#include "tests/support/plan_run.h"
#include "tests/support/status_matchers.h"
#include "tests/support/tiny_brains.h"

namespace gyrus {
namespace {

using test::PlanRun;
using test::StatusIs;
using testing::HasSubstr;

constexpr uint32_t kRowBytes = 64;

// Bytes from memory or match alone, one weight vector per node.
BrainSpec BrainOf(std::vector<ExpertSpec> experts) {
  BrainSpec spec = test::TinyText();
  auto& mixing = std::get<MixingHeadSpec>(spec.heads[0].kind);
  mixing.experts = std::move(experts);
  mixing.sets = {{{"node"}}};
  mixing.maps = {};
  return spec;
}

ExpertSpec Memory(uint32_t rows_log2) {
  return {"memory", MemoryExpertSpec{.encoder = "symbols", .rows_log2 = rows_log2}};
}

ExpertSpec Match() {
  return {"match", MatchExpertSpec{.encoder = "symbols", .min_length = 4, .history_log2 = 12}};
}

// Feeds symbols: each is the target of the one before.
class Reader {
 public:
  explicit Reader(PlanRun* run) : run_(run) {}

  void See(uint8_t symbol) {
    values_[0] = {.present = true, .symbol = symbol};
    run_->Forward(values_);
  }
  void Learn(uint8_t next) { run_->Learn(values_, {.symbol = next}); }

  void Read(const std::string& text) {
    for (std::size_t i = 0; i + 1 < text.size(); ++i) {
      See(static_cast<uint8_t>(text[i]));
      Learn(static_cast<uint8_t>(text[i + 1]));
    }
  }

  std::vector<float> Distribution() {
    std::vector<float> distribution(256);
    Prediction prediction = {.distribution = distribution};
    run_->Predict(Want::Kind::kDistribution, &prediction);
    return distribution;
  }

  double Loss(uint32_t symbol) {
    Prediction prediction;
    const Want want = {.kind = Want::Kind::kSymbol, .symbol = symbol};
    run_->plan().heads()[0]->Predict(run_->context(), want, &prediction);
    return -std::log(static_cast<double>(prediction.best_probability));
  }

 private:
  PlanRun* run_;
  std::vector<Value> values_ = {{}};
};

uint32_t TableOf(const PlanRun& run, const std::string& name) {
  const auto& tables = run.plan().tables();
  for (uint32_t t = 0; t < tables.size(); ++t) {
    if (tables[t].spec.name == name) return t;
  }
  ADD_FAILURE() << "no table " << name;
  return 0;
}

// A memory row as its layout says: p, n, history, check.
struct Row {
  uint16_t p[15];
  uint8_t n[15];
  uint8_t history[15];
  uint32_t check;
};
static_assert(sizeof(Row) == kRowBytes);

// Of a context, where each has 2^rows_log2.
std::vector<Row> UsedRows(PlanRun* run, uint32_t context, uint32_t rows_log2) {
  const TableView view = run->store().Draft().table(TableOf(*run, "memory.rows"));
  std::vector<Row> rows;
  for (uint32_t i = context << rows_log2; i < (context + 1) << rows_log2; ++i) {
    if (view.As<Row>(i)->check != 0) rows.push_back(*view.As<Row>(i));
  }
  return rows;
}

std::string Prose(std::size_t length) {
  std::string text;
  for (std::size_t i = 0; i < length; ++i) text.push_back(static_cast<char>(test::ProseByte(i)));
  return text;
}

TEST(MemoryExpertTest, GivesNoEvidenceWithoutRows) {
  ASSERT_OK_AND_ASSIGN(const auto run, PlanRun::Create(BrainOf({Memory(8)})));
  Reader reader(run.get());
  reader.See('a');
  // The bias alone speaks: 0.4, weighed by 0.2, at each of eight nodes.
  const double one = 1 / (1 + std::exp(-0.4 * 0.2));
  EXPECT_NEAR(reader.Distribution()[0], std::pow(1 - one, 8), 1e-8);
  EXPECT_NEAR(reader.Distribution()[255], std::pow(one, 8), 1e-8);
}

TEST(MemoryExpertTest, CountsBitsAsItsFormulaSays) {
  ASSERT_OK_AND_ASSIGN(const auto run, PlanRun::Create(BrainOf({Memory(8)})));
  Reader reader(run.get());
  double p = 0.5;
  uint32_t n = 0;
  uint32_t history = 1;
  for (const int bit : {1, 0, 0, 1, 1, 1, 0, 1, 0, 0, 1}) {
    reader.See('a');
    reader.Learn(bit != 0 ? 0xF0 : 0x0F);  // Bits that agree with the first.
    p += (bit - p) / (n + 1.3);
    ++n;
    history = history << 1 | static_cast<uint32_t>(bit);
    if (history > 255) history = 128 | (history & 127);
  }
  // Order 0: the row of the first nibble is the one whose root was met each time.
  const std::vector<Row> rows = UsedRows(run.get(), 0, 8);
  ASSERT_EQ(rows.size(), 3);  // And those behind nibbles 0 and 15.
  const Row& row = *std::max_element(rows.begin(), rows.end(),
                                     [](const Row& a, const Row& b) { return a.n[0] < b.n[0]; });
  EXPECT_NEAR(row.p[0] / 65536.0, p, 1e-3);
  EXPECT_EQ(row.n[0], n);
  EXPECT_EQ(row.history[0], history);
}

TEST(MemoryExpertTest, FoundsTwoRowsPerContextAndSymbol) {
  ASSERT_OK_AND_ASSIGN(const auto run, PlanRun::Create(BrainOf({Memory(8)})));
  Reader reader(run.get());
  reader.Read("ab");
  for (const uint32_t context : {0U, 1U, 10U}) {
    EXPECT_EQ(UsedRows(run.get(), context, 8).size(), 2) << context;
  }
}

TEST(MemoryExpertTest, ReplacesTheLessUsedOfTwoRows) {
  ASSERT_OK_AND_ASSIGN(const auto run, PlanRun::Create(BrainOf({Memory(4)})));
  Reader reader(run.get());
  // Sixteen rows for far more contexts: order 0's most used row is never the victim.
  reader.Read(Prose(2000));
  const std::vector<Row> rows = UsedRows(run.get(), 0, 4);
  EXPECT_LE(rows.size(), 16);
  EXPECT_TRUE(
      std::any_of(rows.begin(), rows.end(), [](const Row& row) { return row.n[0] == 250; }));
  EXPECT_LE(UsedRows(run.get(), 4, 4).size(), 16);
}

TEST(MemoryExpertTest, RefusesMoreRowsThanATableTakes) {
  EXPECT_THAT(Plan::Create(BrainOf({Memory(24)})),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("more than 67108864 rows")));
}

TEST(MatchExpertTest, FollowsARepetition) {
  ASSERT_OK_AND_ASSIGN(const auto run, PlanRun::Create(BrainOf({Match()})));
  Reader reader(run.get());
  const std::string text = "one two three. ";
  reader.Read(text + text + text.substr(0, 6));
  for (std::size_t i = 5; i + 1 < text.size(); ++i) {
    reader.See(static_cast<uint8_t>(text[i]));
    const std::vector<float> distribution = reader.Distribution();
    EXPECT_EQ(std::max_element(distribution.begin(), distribution.end()) - distribution.begin(),
              text[i + 1])
        << i;
    reader.Learn(static_cast<uint8_t>(text[i + 1]));
  }
}

TEST(MatchExpertTest, GoesOnWhenItsCursorHasCountedAllTheWay) {
  constexpr uint32_t kHistory = 1U << 12;
  const auto losses = [&](uint32_t first_place) {
    const auto run = *PlanRun::Create(BrainOf({Match()}));
    *run->Begin()->As<uint32_t>({TableOf(*run, "match.cursor"), 0}) = first_place;
    Reader reader(run.get());
    std::vector<double> all;
    const std::string text = Prose(3 * kHistory);
    for (std::size_t i = 0; i + 1 < text.size(); ++i) {
      reader.See(static_cast<uint8_t>(text[i]));
      all.push_back(reader.Loss(static_cast<uint8_t>(text[i + 1])));
      reader.Learn(static_cast<uint8_t>(text[i + 1]));
    }
    return all;
  };
  // The same places in the history: one cursor reaches 2^32 on its way.
  for (const uint32_t before : {50U, kHistory, 5000U}) {
    EXPECT_EQ(losses(0U - before), losses(4 * kHistory - before)) << before;
  }
}

TEST(MatchExpertTest, SaysNothingBeforeARepetition) {
  ASSERT_OK_AND_ASSIGN(const auto run, PlanRun::Create(BrainOf({Match()})));
  Reader reader(run.get());
  const double one = 1 / (1 + std::exp(-0.4 * 0.2));
  reader.See('a');
  EXPECT_NEAR(reader.Distribution()[255], std::pow(one, 8), 1e-8);
}

TEST(MixingHeadTest, LearnsByTheGradientOfItsLogLoss) {
  BrainSpec spec = BrainOf({Memory(10), Match()});
  auto& mixing = std::get<MixingHeadSpec>(spec.heads[0].kind);
  mixing.rate_first = mixing.rate_last = 0.25F;
  mixing.final_rate = 0;
  ASSERT_OK_AND_ASSIGN(const auto run, PlanRun::Create(spec));
  Reader reader(run.get());
  const std::string text = Prose(300);
  reader.Read(text);
  const uint32_t table = TableOf(*run, "next.set0");
  const uint32_t next = 't';
  reader.See(static_cast<uint8_t>(text.back()));
  for (const uint32_t node : {1U, (256U | next) >> 4, (256U | next) >> 1}) {
    const auto weight = [&](uint32_t i) -> float& {
      return run->Begin()->As<float>({table, node})[i];
    };
    constexpr float kStep = 0.01F;
    std::vector<double> gradient;
    for (uint32_t i = 0; i < 25; ++i) {
      const float w = weight(i);
      weight(i) = w + kStep;
      const double up = reader.Loss(next);
      weight(i) = w - kStep;
      gradient.push_back((up - reader.Loss(next)) / (2 * kStep));
      weight(i) = w;
    }
    // What learning did to the weights, taken back afterwards for the next node.
    std::vector<float> before(&weight(0), &weight(0) + 25);
    static_cast<void>(reader.Loss(next));
    ASSERT_OK_AND_ASSIGN(const auto twin, PlanRun::Create(spec));
    Reader second(twin.get());
    second.Read(text);
    second.See(static_cast<uint8_t>(text.back()));
    second.Learn(static_cast<uint8_t>(next));
    const float* const after = twin->store().Draft().table(table).As<float>(node);
    for (uint32_t i = 0; i < 25; ++i) {
      EXPECT_NEAR(after[i] - before[i], -0.25 * gradient[i], 2e-3) << "node " << node << ", " << i;
    }
  }
}

TEST(MixingHeadTest, GivesProbabilitiesThatSumToOne) {
  ASSERT_OK_AND_ASSIGN(const auto run, PlanRun::Create(test::TinyText()));
  Reader reader(run.get());
  reader.Read(Prose(500));
  reader.See('t');
  double sum = 0;
  for (const float p : reader.Distribution()) {
    EXPECT_GT(p, 0);
    sum += p;
  }
  EXPECT_NEAR(sum, 1, 1e-5);
}

TEST(MixingHeadTest, GivesASymbolTheSameAloneAndAmongAll) {
  ASSERT_OK_AND_ASSIGN(const auto run, PlanRun::Create(test::TinyText()));
  Reader reader(run.get());
  reader.Read(Prose(500));
  reader.See('t');
  const std::vector<float> distribution = reader.Distribution();
  for (const uint32_t symbol : {0U, 32U, 104U, 255U}) {
    EXPECT_NEAR(reader.Loss(symbol), -std::log(distribution[symbol]), 1e-4) << symbol;
  }
}

TEST(MixingHeadTest, RefusesWhatDoesNotFit) {
  const auto refuses = [](const auto& change, const char* message) {
    BrainSpec spec = test::TinyText();
    change(&std::get<MixingHeadSpec>(spec.heads[0].kind));
    EXPECT_THAT(Plan::Create(spec),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  };
  refuses([](MixingHeadSpec* m) { m->last = {"nobody.0"}; }, "factor \"nobody.0\"");
  refuses([](MixingHeadSpec* m) { m->last = {"symbols.3", "symbols.0"}; }, "more than 1048576");
  refuses([](MixingHeadSpec* m) { m->sets[0].factors = {"symbols.9"}; }, "\"symbols\" has 7");
  refuses([](MixingHeadSpec* m) { m->maps[0].rate = 0; }, "map rate must be in (0, 1], got 0");
  const float nan = std::nanf("");
  refuses([&](MixingHeadSpec* m) { m->first_weight = nan; }, "first_weight must be finite");
  refuses([&](MixingHeadSpec* m) { m->rate_last = nan; }, "rate_last must be in [0, 1], got nan");
  refuses([&](MixingHeadSpec* m) { m->rate_visits = 0; }, "rate_visits must be above 0");
}

TEST(MixingHeadTest, WeighsSetsByNodeWhereNothingPicksTheLastVector) {
  BrainSpec spec = BrainOf({Memory(8)});
  ASSERT_TRUE(std::get<MixingHeadSpec>(spec.heads[0].kind).last.empty());
  ASSERT_OK_AND_ASSIGN(const auto run, PlanRun::Create(spec));
  EXPECT_EQ(run->plan().tables()[TableOf(*run, "next.last")].spec.blocks, 256);
}

}  // namespace
}  // namespace gyrus
