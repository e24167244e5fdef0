// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "activation/brain_spec.h"
#include "runtime/learning_fields.h"
#include "runtime/protection_fields.h"

namespace gyrus {

// What fields each struct of a brain has and what brain.proto calls them, once, for whoever walks
// a brain: `f.Field(name, member)` for a value, list or struct; `f.Kind({names}, member)` for a
// variant whose alternatives are the message's own fields; `f.Nested(name, {names}, member)` for a
// variant in a message of its own.

template <typename F>
void Describe(F& f, const BrainSpec*) {
  f.Field("name", &BrainSpec::name);
  f.Field("seed", &BrainSpec::seed);
  f.Field("modalities", &BrainSpec::modalities);
  f.Field("encoders", &BrainSpec::encoders);
  f.Field("areas", &BrainSpec::areas);
  f.Field("heads", &BrainSpec::heads);
  f.Field("target_next", &BrainSpec::target_next);
  f.Field("target_modality", &BrainSpec::target_modality);
  f.Field("last_target_modality", &BrainSpec::last_target_modality);
  f.Field("label_window", &BrainSpec::label_window);
  f.Field("publish_every_ms", &BrainSpec::publish_every_ms);
  f.Field("replay", &BrainSpec::replay);
  f.Field("guard", &BrainSpec::guard);
  f.Field("drift", &BrainSpec::drift);
  f.Field("users", &BrainSpec::users);
  f.Field("schema", &BrainSpec::schema);
}

template <typename F>
void Describe(F& f, const UsersSpec*) {
  f.Field("resident_bytes", &UsersSpec::resident_bytes);
  f.Field("stored_bytes", &UsersSpec::stored_bytes);
}

template <typename F>
void Describe(F& f, const ModalitySpec*) {
  f.Field("name", &ModalitySpec::name);
  f.Field("kind", &ModalitySpec::kind);
  f.Field("size", &ModalitySpec::size);
  f.Field("rows", &ModalitySpec::rows);
  f.Field("columns", &ModalitySpec::columns);
}

template <typename F>
void Describe(F& f, const SchemaSpec*) {
  f.Field("columns", &SchemaSpec::columns);
  f.Field("target", &SchemaSpec::target);
  f.Field("class_names", &SchemaSpec::class_names);
}

template <typename F>
void Describe(F& f, const ColumnSpec*) {
  f.Field("name", &ColumnSpec::name);
  f.Field("type", &ColumnSpec::type);
  f.Field("categories", &ColumnSpec::categories);
  f.Field("hashed", &ColumnSpec::hashed);
}

// ---- Encoders.

template <typename F>
void Describe(F& f, const EncoderSpec*) {
  f.Field("name", &EncoderSpec::name);
  f.Field("modality", &EncoderSpec::modality);
  f.Kind({"reals", "held", "symbols", "category", "image"}, &EncoderSpec::kind);
}

template <typename F>
void Describe(F& f, const RealsEncoderSpec*) {
  f.Field("settle_after", &RealsEncoderSpec::settle_after);
  f.Field("rate", &RealsEncoderSpec::rate);
  f.Field("clip", &RealsEncoderSpec::clip);
  f.Field("values", &RealsEncoderSpec::values);
  f.Field("missing_indicators", &RealsEncoderSpec::missing_indicators);
  f.Field("lags", &RealsEncoderSpec::lags);
  f.Field("trails", &RealsEncoderSpec::trails);
  f.Field("constant", &RealsEncoderSpec::constant);
  f.Field("bins", &RealsEncoderSpec::bins);
}

template <typename F>
void Describe(F&, const HeldEncoderSpec*) {}

template <typename F>
void Describe(F& f, const SymbolsEncoderSpec*) {
  f.Field("one_hot", &SymbolsEncoderSpec::one_hot);
}

template <typename F>
void Describe(F&, const CategoryEncoderSpec*) {}

template <typename F>
void Describe(F& f, const PatchBankSpec*) {
  f.Field("patch_size", &PatchBankSpec::patch_size);
  f.Field("patches", &PatchBankSpec::patches);
  f.Field("grid", &PatchBankSpec::grid);
}

template <typename F>
void Describe(F& f, const ImageEncoderSpec*) {
  f.Field("banks", &ImageEncoderSpec::banks);
  f.Field("raw_grid", &ImageEncoderSpec::raw_grid);
  f.Field("threshold", &ImageEncoderSpec::threshold);
  f.Field("epsilon", &ImageEncoderSpec::epsilon);
  f.Field("min_contrast", &ImageEncoderSpec::min_contrast);
  f.Field("draw_from", &ImageEncoderSpec::draw_from);
}

// ---- Areas.

template <typename F>
void Describe(F& f, const AreaSpec*) {
  f.Field("name", &AreaSpec::name);
  f.Field("inputs", &AreaSpec::inputs);
  f.Field("combine", &AreaSpec::combine);
  f.Field("route_by", &AreaSpec::route_by);
  f.Field("residual", &AreaSpec::residual);
  f.Field("outputs", &AreaSpec::outputs);
  f.Field("regions", &AreaSpec::regions);
  f.Field("woken", &AreaSpec::woken);
  f.Field("always_on", &AreaSpec::always_on);
  f.Field("asleep", &AreaSpec::asleep);
  f.Nested("router", {"all", "hash", "anchor", "learned"}, &AreaSpec::router);
  f.Nested("cell", {"expansion", "subset", "dense", "glu", "mcsd"}, &AreaSpec::cell);
  f.Field("learning", &AreaSpec::learning);
}

template <typename F>
void Describe(F&, const AllRouterSpec*) {}

template <typename F>
void Describe(F& f, const HashRouterSpec*) {
  f.Field("dimensions", &HashRouterSpec::dimensions);
  f.Field("width", &HashRouterSpec::width);
}

template <typename F>
void Describe(F& f, const AnchorRouterSpec*) {
  f.Field("threshold", &AnchorRouterSpec::threshold);
  f.Field("rising", &AnchorRouterSpec::rising);
  f.Field("chance", &AnchorRouterSpec::chance);
  f.Field("temperature", &AnchorRouterSpec::temperature);
  f.Field("settle_after", &AnchorRouterSpec::settle_after);
}

template <typename F>
void Describe(F& f, const LearnedRouterSpec*) {
  f.Field("rate", &LearnedRouterSpec::rate);
  f.Field("balance", &LearnedRouterSpec::balance);
}

template <typename F>
void Describe(F& f, const ExpansionCellSpec*) {
  f.Field("bias", &ExpansionCellSpec::bias);
}

template <typename F>
void Describe(F& f, const SubsetCellSpec*) {
  f.Field("constant", &SubsetCellSpec::constant);
}

template <typename F>
void Describe(F&, const DenseCellSpec*) {}

template <typename F>
void Describe(F& f, const GluCellSpec*) {
  f.Field("hidden", &GluCellSpec::hidden);
}

template <typename F>
void Describe(F& f, const McsdCellSpec*) {
  f.Field("units", &McsdCellSpec::units);
  f.Field("channels", &McsdCellSpec::channels);
}

// ---- Experts and heads.

template <typename F>
void Describe(F& f, const HeadSpec*) {
  f.Field("name", &HeadSpec::name);
  f.Field("classes", &HeadSpec::classes);
  f.Field("outputs", &HeadSpec::outputs);
  f.Kind({"mixing", "softmax", "ridge", "kalman"}, &HeadSpec::kind);
  f.Field("limits", &HeadSpec::limits);
}

template <typename F>
void Describe(F& f, const OutputLimitsSpec*) {
  f.Field("minimum", &OutputLimitsSpec::minimum);
  f.Field("maximum", &OutputLimitsSpec::maximum);
  f.Field("slew", &OutputLimitsSpec::slew);
}

template <typename F>
void Describe(F& f, const MixingHeadSpec*) {
  f.Field("experts", &MixingHeadSpec::experts);
  f.Field("sets", &MixingHeadSpec::sets);
  f.Field("last", &MixingHeadSpec::last);
  f.Field("maps", &MixingHeadSpec::maps);
  f.Field("first_weight", &MixingHeadSpec::first_weight);
  f.Field("rate_first", &MixingHeadSpec::rate_first);
  f.Field("rate_last", &MixingHeadSpec::rate_last);
  f.Field("rate_visits", &MixingHeadSpec::rate_visits);
  f.Field("final_rate", &MixingHeadSpec::final_rate);
}

template <typename F>
void Describe(F& f, const ExpertSpec*) {
  f.Field("name", &ExpertSpec::name);
  f.Kind({"memory", "match", "readout", "repeat"}, &ExpertSpec::kind);
}

template <typename F>
void Describe(F& f, const MemoryExpertSpec*) {
  f.Field("encoder", &MemoryExpertSpec::encoder);
  f.Field("rows_log2", &MemoryExpertSpec::rows_log2);
}

template <typename F>
void Describe(F& f, const MatchExpertSpec*) {
  f.Field("encoder", &MatchExpertSpec::encoder);
  f.Field("min_length", &MatchExpertSpec::min_length);
  f.Field("history_log2", &MatchExpertSpec::history_log2);
}

template <typename F>
void Describe(F& f, const ReadoutExpertSpec*) {
  f.Field("inputs", &ReadoutExpertSpec::inputs);
  f.Field("regions", &ReadoutExpertSpec::regions);
  f.Field("rate", &ReadoutExpertSpec::rate);
  f.Field("normalise", &ReadoutExpertSpec::normalise);
  f.Field("calibrate", &ReadoutExpertSpec::calibrate);
}

template <typename F>
void Describe(F& f, const RepeatExpertSpec*) {
  f.Field("encoder", &RepeatExpertSpec::encoder);
}

template <typename F>
void Describe(F& f, const WeightSetSpec*) {
  f.Field("factors", &WeightSetSpec::factors);
}

template <typename F>
void Describe(F& f, const ProbabilityMapSpec*) {
  f.Field("factors", &ProbabilityMapSpec::factors);
  f.Field("rows_log2", &ProbabilityMapSpec::rows_log2);
  f.Field("rate", &ProbabilityMapSpec::rate);
}

template <typename F>
void Describe(F& f, const SoftmaxHeadSpec*) {
  f.Field("input", &SoftmaxHeadSpec::input);
  f.Field("rate", &SoftmaxHeadSpec::rate);
  f.Field("optimiser", &SoftmaxHeadSpec::optimiser);
  f.Field("beta", &SoftmaxHeadSpec::beta);
}

template <typename F>
void Describe(F& f, const RidgeHeadSpec*) {
  f.Field("area", &RidgeHeadSpec::area);
  f.Field("inputs", &RidgeHeadSpec::inputs);
  f.Field("form", &RidgeHeadSpec::form);
  f.Field("lambda", &RidgeHeadSpec::lambda);
  f.Field("forget", &RidgeHeadSpec::forget);
  f.Field("solve_every", &RidgeHeadSpec::solve_every);
  f.Field("weigh_by_gate", &RidgeHeadSpec::weigh_by_gate);
  f.Field("reference", &RidgeHeadSpec::reference);
  f.Field("prove_over", &RidgeHeadSpec::prove_over);
}

template <typename F>
void Describe(F& f, const KalmanHeadSpec*) {
  f.Field("area", &KalmanHeadSpec::area);
  f.Field("inputs", &KalmanHeadSpec::inputs);
  f.Field("lambda", &KalmanHeadSpec::lambda);
  f.Field("process_noise", &KalmanHeadSpec::process_noise);
  f.Field("observation_noise", &KalmanHeadSpec::observation_noise);
  f.Field("learn_noise", &KalmanHeadSpec::learn_noise);
  f.Field("reference", &KalmanHeadSpec::reference);
}

}  // namespace gyrus
