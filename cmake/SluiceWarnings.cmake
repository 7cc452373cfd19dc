# Interface target with the warnings every target of the project is built with; GCC and clang both build clean.
add_library(sluice_warnings INTERFACE)
target_compile_options(sluice_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
  -Wformat=2 -Wundef -Wvla -Wcast-qual -Wwrite-strings -Wdouble-promotion
  $<$<BOOL:${SLUICE_WERROR}>:-Werror>)
target_compile_definitions(sluice_warnings INTERFACE _POSIX_C_SOURCE=200809L)
