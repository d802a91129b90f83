# cmake --install: where Debian expects things. The prefix is known only then, so what names it is made then: with /usr
# (packages) and /usr/local the configuration lies in /etc, with any other prefix below that. DESTDIR is respected.
include(GNUInstallDirs)

foreach(program IN ITEMS tidelogd tidelog tidelog-bench)
  if(NOT TARGET ${program})
    continue()
  endif()
  if(program STREQUAL "tidelogd")
    set(folder "${CMAKE_INSTALL_SBINDIR}")
  else()
    set(folder "${CMAKE_INSTALL_BINDIR}")
  endif()
  install(TARGETS ${program} RUNTIME DESTINATION "${folder}")
  install(FILES config/completion.bash DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions"
          RENAME ${program})
endforeach()

install(CODE "set(source_folder \"${CMAKE_SOURCE_DIR}/config\")
set(made_folder \"${CMAKE_BINARY_DIR}/install\")
set(program_folder \"${CMAKE_INSTALL_SBINDIR}\")")
install(CODE [[
  set(configuration_folder "${CMAKE_INSTALL_PREFIX}/etc/tidelog")
  if(CMAKE_INSTALL_PREFIX MATCHES "^/usr(/local)?/?$")
    set(configuration_folder "/etc/tidelog")
  endif()
  set(TIDELOGD "${CMAKE_INSTALL_PREFIX}/${program_folder}/tidelogd")
  set(TIDELOGD_CONFIG "${configuration_folder}/tidelogd.toml")
  configure_file("${source_folder}/tidelogd.service" "${made_folder}/tidelogd.service" @ONLY)
  file(INSTALL "${made_folder}/tidelogd.service" DESTINATION "${CMAKE_INSTALL_PREFIX}/lib/systemd/system")
  # What an operator has written is not overwritten.
  if(EXISTS "$ENV{DESTDIR}${TIDELOGD_CONFIG}")
    message(STATUS "Kept: ${TIDELOGD_CONFIG}")
  else()
    file(INSTALL "${source_folder}/tidelogd.toml" DESTINATION "${configuration_folder}")
  endif()
]])
install(FILES config/tidelog.sysusers.conf DESTINATION "lib/sysusers.d" RENAME tidelog.conf)
install(FILES config/tidelog.tmpfiles.conf DESTINATION "lib/tmpfiles.d" RENAME tidelog.conf)

install(FILES config/tidelogd.8 DESTINATION "${CMAKE_INSTALL_MANDIR}/man8")
install(FILES README.md LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(FILES docs/configuration.md docs/operations.md DESTINATION "${CMAKE_INSTALL_DOCDIR}")
