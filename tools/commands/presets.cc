// SPDX-License-Identifier: Apache-2.0
#include "tools/commands/presets.h"

#include <cstdio>
#include <string>

#include "runtime/presets.h"

namespace gyrus {

void PresetsCommand() {
  for (const PresetName& preset : PresetNames()) {
    std::printf("%-8s %s\n", std::string(preset.name).c_str(),
                std::string(preset.description).c_str());
  }
}

}  // namespace gyrus
