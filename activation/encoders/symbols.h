// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "activation/brain_spec.h"
#include "activation/encoder.h"
#include "activation/plan_builder.h"

namespace gyrus {

// Symbols of a text with the contexts that predict the next one.
//
// Contexts (hashes; c1 is the newest symbol): orders 1 to 6; the word so far with c1; the word so
// far with the word before; the two symbols behind c1 (sparse); what followed c1 the last two
// times, with c1; what followed c2 c1 the last two times, with both (indirect).
// Selectors: c1, c2, c3, and 16 bits of a hash of the three.
// Vector: one-hot of c1, if asked.
//
// The indirect contexts' memory is blocks: tables of the last four followers of each of 256 and
// 65,536 contexts, verbatim and so never merged. The last symbols and words are session state.
class SymbolsEncoder final : public Encoder {
 public:
  static absl::StatusOr<std::unique_ptr<Encoder>> Create(const EncoderSpec& spec,
                                                         const ModalitySpec& modality,
                                                         PlanBuilder* builder);

  void Encode(const StepContext& context, const Value& value,
              Encoding* encoding) const noexcept override;
  void Learn(const Value& value, const Encoding& encoding, Commit* commit) const noexcept override;

 private:
  struct State;

  SymbolsEncoder(EncodingShape shape, uint32_t followers, std::size_t state_offset);

  uint32_t followers_;  // Two tables: of c1, and, next to it, of c2 c1.
  std::size_t state_offset_;
};

}  // namespace gyrus
