// SPDX-License-Identifier: Apache-2.0
#include "tools/report/brain_words.h"

#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/report/plot.h"

namespace gyrus {
namespace {

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <typename... F>
Overloaded(F...) -> Overloaded<F...>;

std::string InWords(const ModalitySpec& modality) {
  switch (modality.kind) {
    case ModalityKind::kSymbol:
      return absl::StrCat("one of ", modality.size, " symbols");
    case ModalityKind::kReals:
      return absl::StrCat(modality.size, modality.size == 1 ? " number" : " numbers");
    case ModalityKind::kImage:
      return absl::StrCat("an image of ", modality.rows, " x ", modality.columns, " pixels");
  }
  return "";
}

std::string RouterInWords(const AreaSpec& area) {
  return std::visit(
      Overloaded{
          [](const AllRouterSpec&) { return "all of them, always"; },
          [](const HashRouterSpec&) { return "chosen by a hash of the input"; },
          [](const AnchorRouterSpec&) { return "those whose prototype is most like the input"; },
          [](const LearnedRouterSpec&) { return "chosen by scores that are learned"; },
      },
      area.router);
}

std::string CellInWords(const AreaSpec& area) {
  return std::visit(
      Overloaded{
          [](const ExpansionCellSpec&) { return "computes fixed random features"; },
          [](const SubsetCellSpec&) { return "looks at its own part of the input"; },
          [](const GluCellSpec&) { return "is a small gated network that is trained"; },
          [](const DenseCellSpec&) { return "is one layer of a plain network that is trained"; },
          [](const McsdCellSpec&) { return "is a small recurrent network that is trained"; },
      },
      area.cell);
}

std::string ExpertsInWords(const MixingHeadSpec& mixing) {
  std::vector<std::string> names;
  for (const ExpertSpec& expert : mixing.experts) {
    names.push_back(absl::StrCat(
        expert.name, " (",
        std::visit(Overloaded{
                       [](const MemoryExpertSpec&) { return "what followed contexts like this"; },
                       [](const MatchExpertSpec&) { return "the last time the same was seen"; },
                       [](const ReadoutExpertSpec&) { return "a linear reading of the areas"; },
                       [](const RepeatExpertSpec&) { return "whether the last answer repeats"; },
                   },
                   expert.kind),
        ")"));
  }
  return absl::StrJoin(names, ", ");
}

std::string HeadInWords(const HeadSpec& head) {
  const std::string what =
      head.outputs > 0
          ? absl::StrCat("predicts ", head.outputs, head.outputs == 1 ? " number" : " numbers")
          : absl::StrCat("predicts one of ", head.classes, " answers");
  return absl::StrCat(
      what,
      std::visit(Overloaded{
                     [](const MixingHeadSpec& mixing) {
                       return absl::StrCat(", weighing the evidence of its experts: ",
                                           ExpertsInWords(mixing));
                     },
                     [](const SoftmaxHeadSpec&) { return std::string(", by softmax regression"); },
                     [](const RidgeHeadSpec&) {
                       return std::string(
                           ", by exact least squares in every woken region, whatever the order of "
                           "what it saw");
                     },
                     [](const KalmanHeadSpec&) {
                       return std::string(", by a Kalman filter in every woken region");
                     },
                 },
                 head.kind));
}

void AppendItem(std::string* list, const std::string& name, const std::string& words) {
  absl::StrAppend(list, "<dt>", Escaped(name), "</dt><dd>", Escaped(words), "</dd>\n");
}

}  // namespace

std::string BrainInWords(const BrainSpec& spec) {
  std::string list = "<dl>\n";
  for (const ModalitySpec& modality : spec.modalities) {
    AppendItem(&list, absl::StrCat("sense: ", modality.name), InWords(modality));
  }
  for (const AreaSpec& area : spec.areas) {
    AppendItem(
        &list, absl::StrCat("area: ", area.name),
        absl::StrCat(area.regions, " regions, of which ", area.woken,
                     " wake for an example: ", RouterInWords(area), "; each ", CellInWords(area)));
  }
  for (const HeadSpec& head : spec.heads) {
    AppendItem(&list, absl::StrCat("head: ", head.name), HeadInWords(head));
  }
  AppendItem(
      &list, "teacher",
      spec.target_next > 0
          ? absl::StrCat("the stream itself: what ", spec.target_modality, " is ", spec.target_next,
                         spec.target_next == 1 ? " step later" : " steps later")
          : absl::StrCat("labels, which may come up to ", spec.label_window,
                         spec.label_window == 1 ? " step late" : " steps late"));
  return list + "</dl>\n";
}

}  // namespace gyrus
