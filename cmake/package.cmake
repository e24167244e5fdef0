# SPDX-License-Identifier: Apache-2.0
# install: the libraries export themselves in gyrus_library(); this adds what find_package(Gyrus)
# reads. A static library needs at link time whatever it was built with, so the package asks for
# every package that was found up to here; include this before anything is looked for that only the
# command or the tests need.
include(CMakePackageConfigHelpers)

get_property(packages GLOBAL PROPERTY PACKAGES_FOUND)
list(REMOVE_DUPLICATES packages)
list(REMOVE_ITEM packages PkgConfig Git Python Python3)
set(GYRUS_FIND_DEPENDENCIES "")
foreach(package IN LISTS packages)
  string(APPEND GYRUS_FIND_DEPENDENCIES "find_dependency(${package})\n")
endforeach()

set(destination "${CMAKE_INSTALL_LIBDIR}/cmake/Gyrus")
configure_file(cmake/GyrusConfig.cmake.in "${PROJECT_BINARY_DIR}/GyrusConfig.cmake" @ONLY)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/GyrusConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(EXPORT GyrusTargets NAMESPACE gyrus:: DESTINATION "${destination}")
install(FILES "${PROJECT_BINARY_DIR}/GyrusConfig.cmake"
              "${PROJECT_BINARY_DIR}/GyrusConfigVersion.cmake" DESTINATION "${destination}")
