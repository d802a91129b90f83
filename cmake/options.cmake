# What every target is compiled with.
option(TIDELOG_BUILD_BENCH "Build the floor programs and micro-benchmarks in bench/" ON)
option(TIDELOG_BUILD_FUZZERS "Build the libFuzzer targets in tests/fuzz (clang only)" OFF)
set(TIDELOG_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them: address,undefined or thread")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

add_library(tidelog_options INTERFACE)
add_library(tidelog::options ALIAS tidelog_options)
target_compile_options(tidelog_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -fno-omit-frame-pointer)
if(TIDELOG_SANITIZE)
  target_compile_options(tidelog_options INTERFACE -fsanitize=${TIDELOG_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(tidelog_options INTERFACE -fsanitize=${TIDELOG_SANITIZE})
  # gcc's flow warnings see ghosts in instrumented code and behind precompiled headers; the plain builds keep them as
  # errors.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(tidelog_options INTERFACE -Wno-error -Wno-maybe-uninitialized -Wno-array-bounds -Wno-tsan)
  endif()
endif()
if(TIDELOG_BUILD_FUZZERS)
  # Counts the branches taken, for the fuzzers: in what they look into, not in the unit tests.
  target_compile_options(tidelog_options INTERFACE
    $<$<NOT:$<BOOL:$<TARGET_PROPERTY:TIDELOG_UNIT_TEST>>>:-fsanitize=fuzzer-no-link>)
endif()

# In the sanitizer builds half of a unit test's compile time went into making the test itself faster, which saves less.
function(tidelog_unit_test target)
  set_target_properties(${target} PROPERTIES TIDELOG_UNIT_TEST ON)
  if(TIDELOG_SANITIZE)
    target_compile_options(${target} PRIVATE -O0)
  endif()
endfunction()

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE}")
endif()
find_program(LLD ld.lld)
if(LLD)
  target_link_options(tidelog_options INTERFACE -fuse-ld=lld)
endif()

# The standard library, expected, fmt and (for tests) GoogleTest are read once instead of in every file. For the
# sanitizer builds, which are made from nothing each time; the plain ones show that every file includes what it uses.
option(TIDELOG_PRECOMPILE_HEADERS "Compile with precompiled headers" OFF)
if(TIDELOG_PRECOMPILE_HEADERS AND CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_SLOPPINESS=pch_defines,time_macros ${CMAKE_CXX_COMPILER_LAUNCHER})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Names the header in what ccache compares.
    add_compile_options(-fpch-preprocess)
  endif()
endif()
if(TIDELOG_PRECOMPILE_HEADERS)
  # Some libraries ask for it; the header is only good for targets that agree on it.
  add_compile_options(-pthread)
endif()

# The first target of each kind makes the header, the others use it: what KIND's targets have in common is read with it.
function(tidelog_precompile target kind)
  if(NOT TIDELOG_PRECOMPILE_HEADERS)
    return()
  endif()
  get_property(maker GLOBAL PROPERTY TIDELOG_PRECOMPILED_${kind})
  if(maker)
    target_precompile_headers(${target} REUSE_FROM ${maker})
  else()
    set_property(GLOBAL PROPERTY TIDELOG_PRECOMPILED_${kind} ${target})
    target_precompile_headers(${target} PRIVATE ${ARGN})
  endif()
endfunction()

set(TIDELOG_COMMON_HEADERS <algorithm> <array> <atomic> <charconv> <chrono> <condition_variable> <cstdint> <deque>
  <functional> <limits> <map> <memory> <mutex> <optional> <set> <span> <string> <string_view> <thread> <unordered_map>
  <utility> <variant> <vector> <tl/expected.hpp> <fmt/core.h>)
