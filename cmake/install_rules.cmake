# cmake --install: where Debian expects things. With the prefix /usr, which packages use, the configuration goes to
# /etc; with /usr/local, to /usr/local/etc, and systemd finds its files below /usr/local/lib as well.
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

set(TIDELOGD "${CMAKE_INSTALL_FULL_SBINDIR}/tidelogd")
set(TIDELOGD_CONFIG "${CMAKE_INSTALL_FULL_SYSCONFDIR}/tidelog/tidelogd.toml")
configure_file(config/tidelogd.service "${CMAKE_BINARY_DIR}/install/tidelogd.service" @ONLY)
install(FILES "${CMAKE_BINARY_DIR}/install/tidelogd.service" DESTINATION "lib/systemd/system")
install(FILES config/tidelog.sysusers.conf DESTINATION "lib/sysusers.d" RENAME tidelog.conf)
install(FILES config/tidelog.tmpfiles.conf DESTINATION "lib/tmpfiles.d" RENAME tidelog.conf)

install(FILES config/tidelogd.toml DESTINATION "${CMAKE_INSTALL_FULL_SYSCONFDIR}/tidelog")

install(FILES config/tidelogd.8 DESTINATION "${CMAKE_INSTALL_MANDIR}/man8")
install(FILES README.md LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(FILES docs/configuration.md docs/operations.md DESTINATION "${CMAKE_INSTALL_DOCDIR}")
