// SPDX-License-Identifier: Apache-2.0
#include "activation/encoders/category.h"

#include <memory>
#include <vector>

#include "activation/brain_spec.h"
#include "activation/encoders/held.h"
#include "tests/support/built_store.h"
#include "tests/support/status_matchers.h"

namespace gyrus {
namespace {

using test::StatusIs;
using testing::ElementsAre;

TEST(CategoryEncoderTest, IsOneHotWithOneContext) {
  const PlanBuilder builder;
  ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<Encoder> encoder,
      CategoryEncoder::Create({.name = "c", .kind = ModalityKind::kSymbol, .size = 3}));
  std::vector<float> vector(3, 9.0F);
  std::vector<uint64_t> contexts(1);
  std::vector<uint32_t> selectors(1);
  Encoding encoding = {.vector = vector, .contexts = contexts, .selectors = selectors};
  const test::BuiltStore store(builder);
  const StepContext context = {.view = store.view()};
  encoder->Encode(context, {.present = true, .symbol = 1}, &encoding);
  EXPECT_THAT(vector, ElementsAre(0, 1, 0));
  EXPECT_EQ(selectors[0], 1U);
  const uint64_t before = contexts[0];
  encoder->Encode(context, {.present = true, .symbol = 2}, &encoding);
  EXPECT_NE(contexts[0], before);
}

TEST(CategoryEncoderTest, RefusesReals) {
  EXPECT_THAT(CategoryEncoder::Create({.name = "row", .kind = ModalityKind::kReals, .size = 3}),
              StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr("\"row\"")));
}

TEST(HeldEncoderTest, KeepsTheLastKnownValue) {
  PlanBuilder builder;
  ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<Encoder> encoder,
      HeldEncoder::Create({.name = "row", .kind = ModalityKind::kReals, .size = 2}, &builder));
  const test::BuiltStore store(builder);
  std::vector<float> state(builder.state_bytes() / sizeof(float));
  std::vector<float> vector(2);
  Encoding encoding;
  encoding.vector = vector;
  const StepContext context = {.view = store.view(),
                               .state = reinterpret_cast<std::byte*>(state.data())};
  const auto encode = [&](std::vector<float> reals) {
    encoder->Encode(context, {.present = true, .reals = reals}, &encoding);
    return vector;
  };
  EXPECT_THAT(encode({NAN, 7}), ElementsAre(0, 7));
  EXPECT_THAT(encode({3, NAN}), ElementsAre(3, 7));
}

}  // namespace
}  // namespace gyrus
