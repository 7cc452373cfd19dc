# Interface target with the sanitizer or hardening flags of the preset.
add_library(sluice_sanitize INTERFACE)
if(SLUICE_SANITIZE_ADDRESS)
  target_compile_options(sluice_sanitize INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  target_link_options(sluice_sanitize INTERFACE -fsanitize=address,undefined)
  target_compile_definitions(sluice_sanitize INTERFACE SLUICE_ARENA_DEBUG=1)
endif()
if(SLUICE_SANITIZE_THREAD)
  target_compile_options(sluice_sanitize INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
  target_link_options(sluice_sanitize INTERFACE -fsanitize=thread)
endif()
if(SLUICE_HARDEN)
  target_compile_options(sluice_sanitize INTERFACE -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
    -fstack-protector-strong -fstack-clash-protection -fPIE)
  target_link_options(sluice_sanitize INTERFACE -pie -Wl,-z,relro,-z,now)
endif()
