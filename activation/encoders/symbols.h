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
// Contexts (hashes; c1 is the newest symbol): orders 0 to 4 and 6; the word so far with c1 and the
// opener; the word so far with the word before; what followed c1 the last two times, with c1; what
// followed c2 c1 the last two times, with both (indirect); the kinds of the last six symbols, with
// c1. The opener is the last of "[<({&=|" that nothing has closed; a kind says small letter,
// capital, digit, blank, and so on, of bytes of text.
// Selectors: c1; c2; c3; 16 bits of a hash of the three; the opener, 0 for none, below 8; the top
// three bits of c1, c2 and c3; the kinds of the last three symbols, four bits each.
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
