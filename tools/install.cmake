# `cmake --install build --prefix P` makes find_package(octet) work: the library, its public headers, the program.
# The library is shared and its public headers include the standard library alone, so a consumer needs nothing else.
include(CMakePackageConfigHelpers)

set(octet_package ${CMAKE_INSTALL_LIBDIR}/cmake/octet)
install(TARGETS octet EXPORT octet_targets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET octet_cuda)
  install(TARGETS octet_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
install(TARGETS octet_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
# Private headers stay behind: those of a CPU backend (a folder cpu/) and those compiled once a SIMD level (-inl.h).
install(DIRECTORY core autograd nn optim datasets DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/octet
  FILES_MATCHING PATTERN "*.h" PATTERN "*-inl.h" EXCLUDE PATTERN "cpu" EXCLUDE)
install(EXPORT octet_targets NAMESPACE octet:: FILE octet-targets.cmake DESTINATION ${octet_package})
configure_package_config_file(tools/octet-config.cmake.in ${PROJECT_BINARY_DIR}/octet-config.cmake
  INSTALL_DESTINATION ${octet_package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/octet-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/octet-config.cmake ${PROJECT_BINARY_DIR}/octet-config-version.cmake
  DESTINATION ${octet_package})
