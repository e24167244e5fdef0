// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace gyrus {

// gyrus presets: lists the brains to start from.
void PresetsCommand();

}  // namespace gyrus
