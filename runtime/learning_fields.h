// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "activation/learning_spec.h"

namespace gyrus {

// Fields of what a brain says of its learning, as brain_fields.h has those of the rest.

template <typename F>
void Describe(F& f, const ReplaySpec*) {
  f.Field("items", &ReplaySpec::items);
  f.Field("per_step", &ReplaySpec::per_step);
  f.Field("rivals", &ReplaySpec::rivals);
  f.Field("dark", &ReplaySpec::dark);
}

template <typename F>
void Describe(F& f, const AreaLearningSpec*) {
  f.Field("optimiser", &AreaLearningSpec::optimiser);
  f.Field("rate", &AreaLearningSpec::rate);
  f.Field("beta", &AreaLearningSpec::beta);
  f.Field("chunk", &AreaLearningSpec::chunk);
  f.Field("trace", &AreaLearningSpec::trace);
  f.Field("bounded", &AreaLearningSpec::bounded);
  f.Field("importance", &AreaLearningSpec::importance);
  f.Field("plasticity", &AreaLearningSpec::plasticity);
  f.Field("personal", &AreaLearningSpec::personal);
}

template <typename F>
void Describe(F& f, const ImportanceSpec*) {
  f.Field("kind", &ImportanceSpec::kind);
  f.Field("strength", &ImportanceSpec::strength);
  f.Field("decay", &ImportanceSpec::decay);
  f.Field("every", &ImportanceSpec::every);
}

template <typename F>
void Describe(F& f, const PlasticitySpec*) {
  f.Field("rho", &PlasticitySpec::rho);
  f.Field("maturity", &PlasticitySpec::maturity);
  f.Field("decay", &PlasticitySpec::decay);
}

}  // namespace gyrus
