// SPDX-License-Identifier: Apache-2.0
// Whatever the bytes, a session opens there or says why not; a position that it accepts is saved
// and restored again unchanged, and the session goes on from there, step by step. The first byte
// picks the brain.
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/check.h"
#include "runtime/runtime.h"
#include "tests/support/tiny_brains.h"

namespace gyrus {
namespace {

// A recurrent area over a row with a past, taught late; it knows the last label.
BrainSpec Recurrent() {
  AreaSpec area;
  area.name = "area";
  area.inputs = {"row", "label"};
  area.outputs = 2;
  area.regions = 4;
  area.woken = 2;
  area.asleep = Asleep::kDecay;
  area.router = HashRouterSpec{.dimensions = 1};
  area.cell = McsdCellSpec{.units = 4, .channels = 2};
  area.learning = {.chunk = 2, .trace = Trace::kFactored};
  BrainSpec spec;
  spec.modalities = {{.name = "row", .kind = ModalityKind::kReals, .size = 2},
                     {.name = "eye", .kind = ModalityKind::kImage, .rows = 2, .columns = 2},
                     {.name = "label", .kind = ModalityKind::kSymbol, .size = 3}};
  spec.encoders = {{"row", "row", RealsEncoderSpec{.lags = 2, .trails = {3}, .bins = 4}},
                   {"eye", "eye", ImageEncoderSpec{.banks = {}, .raw_grid = 1}},
                   {"label", "label", CategoryEncoderSpec{}}};
  spec.areas = {area};
  MixingHeadSpec mixing;
  mixing.experts = {{"readout", ReadoutExpertSpec{.inputs = {"area", "eye"}}},
                    {"repeat", RepeatExpertSpec{"label"}}};
  mixing.sets = {{{"node"}}};
  spec.heads = {{.name = "class", .classes = 3, .kind = mixing}};
  spec.last_target_modality = "label";
  spec.label_window = 3;
  return spec;
}

class Brain {
 public:
  explicit Brain(const BrainSpec& spec) : runtime_(*Runtime::Create(spec, {})) {}

  void Try(absl::string_view position) {
    if (position.empty()) return;
    const auto session =
        runtime_->OpenSession({.name = "first", .position = std::string(position)});
    if (!session.ok()) return;
    const std::string saved = (*session)->Save();
    const auto again = *runtime_->OpenSession({.name = "second", .position = saved});
    GYRUS_CHECK(again->Save() == saved);
    for (int i = 0; i < 6; ++i) GoOn(again.get());
  }

 private:
  void GoOn(Session* session) {
    static constexpr std::array<float, 2> kRow = {1, -1};
    static constexpr std::array<uint8_t, 4> kPixels = {0, 50, 100, 200};
    std::vector<Value> values;
    for (const ModalitySpec& modality : runtime_->spec().modalities) {
      Value& value = values.emplace_back();
      value.present = true;
      value.symbol = modality.size / 2;
      if (modality.kind == ModalityKind::kReals) value.reals = kRow;
      if (modality.kind == ModalityKind::kImage) value.pixels = kPixels;
    }
    const auto step = session->Step({.values = values});
    GYRUS_CHECK(step.ok());
    if (runtime_->spec().target_next == 0) {
      GYRUS_CHECK(session->Learn(*step, {.symbol = 1}).ok());
    }
  }

  std::unique_ptr<Runtime> runtime_;
};

}  // namespace
}  // namespace gyrus

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  static gyrus::Brain text(gyrus::test::TinyText());
  static gyrus::Brain recurrent(gyrus::Recurrent());
  if (size == 0) return 0;
  const absl::string_view position(reinterpret_cast<const char*>(data) + 1, size - 1);
  (data[0] % 2 == 0 ? text : recurrent).Try(position);
  return 0;
}
