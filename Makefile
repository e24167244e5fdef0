# SPDX-License-Identifier: Apache-2.0
# The commands a newcomer needs, on a fresh Debian 12. Everything else is CMake's presets
# (cmake --list-presets) and .ci/run.
.PHONY: demo build test clean install-packages

# Two brains learn from this machine while you watch, in two minutes.
demo: build
	@tools/demo.sh build/release/tools/gyrus build/demo

# The gyrus command, for use.
build: install-packages
	@cmake --preset release >/dev/null
	@cmake --build --preset release --target gyrus

# Every test, with assertions on. Ends with ctest's closing line.
test: install-packages
	@cmake --workflow --preset dev

clean:
	rm -rf build

install-packages:
	@.ci/install build
