# SPDX-License-Identifier: Apache-2.0
# One way to say each thing: gyrus_library(), gyrus_test(), gyrus_fuzzer().

include(GNUInstallDirs)

option(GYRUS_BUILD_TESTS "Build the tests" ON)
set(GYRUS_UP_TO "" CACHE STRING "The highest floor to build: learner (what the smallest device \
links), runtime (what has threads), or empty for all")
option(GYRUS_BUILD_FUZZERS "Build the libFuzzer targets of tests/fuzz; needs clang" OFF)
set(GYRUS_SANITIZE "" CACHE STRING "Sanitizers for every target, e.g. address,undefined")

find_program(GYRUS_CCACHE ccache)
if(GYRUS_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${GYRUS_CCACHE}")
endif()

# Flags live on this target only. -ffp-contract=off: the same source gives the same bits on
# x86-64 and arm64; kernels ask for fused multiply-add by name where they want it.
# -fno-delete-null-pointer-checks: g++ 12 rewrites addresses in loops over several arrays of one
# object so that they look like null dereferences, takes the function for one without effect, and
# drops the calls to it.
add_library(gyrus_flags INTERFACE)
target_compile_features(gyrus_flags INTERFACE cxx_std_20)
target_compile_options(
  gyrus_flags
  INTERFACE -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Werror
            -ffp-contract=off $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>
            $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
            $<$<CXX_COMPILER_ID:GNU>:-fno-delete-null-pointer-checks>)
find_program(GYRUS_MOLD mold)
if(GYRUS_MOLD AND NOT CMAKE_CROSSCOMPILING)
  target_link_options(gyrus_flags INTERFACE -fuse-ld=mold)
endif()
if(GYRUS_BUILD_FUZZERS)
  target_compile_options(gyrus_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(GYRUS_SANITIZE)
  target_compile_options(gyrus_flags INTERFACE -fsanitize=${GYRUS_SANITIZE} -fno-omit-frame-pointer
                                               -fno-sanitize-recover=all)
  target_link_options(gyrus_flags INTERFACE -fsanitize=${GYRUS_SANITIZE})
  # An instrumented kernel takes 30 s to compile for every instruction set: two of them, one with
  # vectors and one without, find the same mistakes.
  target_compile_definitions(
    gyrus_flags INTERFACE "HWY_DISABLED_TARGETS=(HWY_SSSE3|HWY_SSE4|HWY_AVX3|HWY_AVX3_DL)")
endif()

# gyrus_library(NAME SRCS ... HDRS ... DEPS ... PRIVATE_DEPS ...)
# The library gyrus::NAME of the folder that calls it; headers are included by their path from
# the root.
function(gyrus_library name)
  cmake_parse_arguments(ARG "" "" "SRCS;HDRS;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(gyrus_${name} STATIC ${ARG_SRCS})
  add_library(gyrus::${name} ALIAS gyrus_${name})
  target_sources(gyrus_${name} PUBLIC FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}" FILES
                                      ${ARG_HDRS})
  set_target_properties(gyrus_${name} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
  target_compile_features(gyrus_${name} PUBLIC cxx_std_20)
  target_link_libraries(gyrus_${name} PUBLIC ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS}
                                             $<BUILD_INTERFACE:gyrus_flags>)
  install(TARGETS gyrus_${name} EXPORT GyrusTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
          FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/gyrus)
endfunction()

# gyrus_test(NAME [WHOLE] SRCS ... DEPS ...): one executable, its cases found and run by ctest; or
# run all at once with WHOLE, for grids of a thousand cases quicker than a process each.
function(gyrus_test name)
  cmake_parse_arguments(ARG "WHOLE" "" "SRCS;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SRCS})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest_main gyrus_flags)
  if(ARG_WHOLE)
    add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
  else()
    gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60)
  endif()
endfunction()

# gyrus_fuzzer(NAME SRCS ... DEPS ...): NAME_fuzzer from a source with LLVMFuzzerTestOneInput, one of
# the target `fuzzers`. Its seeds lie in tests/fuzz/corpus/NAME.
function(gyrus_fuzzer name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  add_executable(${name}_fuzzer ${ARG_SRCS})
  target_include_directories(${name}_fuzzer PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${name}_fuzzer PRIVATE ${ARG_DEPS} gyrus_flags)
  target_link_options(${name}_fuzzer PRIVATE -fsanitize=fuzzer)
  if(NOT TARGET fuzzers)
    add_custom_target(fuzzers)
  endif()
  add_dependencies(fuzzers ${name}_fuzzer)
endfunction()
