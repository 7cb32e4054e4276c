# What every target of the project is compiled with, and the packages it may link.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
	set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

# The newest that is called; close_range and, outside of libdl, dladdr1 came with it.
include(CheckSymbolExists)
set(CMAKE_REQUIRED_DEFINITIONS -D_GNU_SOURCE)
check_symbol_exists(posix_spawn_file_actions_addclosefrom_np spawn.h MURAL_GLIBC_IS_NEW_ENOUGH)
unset(CMAKE_REQUIRED_DEFINITIONS)
if(NOT MURAL_GLIBC_IS_NEW_ENOUGH)
	message(FATAL_ERROR "Mural needs glibc 2.34 or later (Debian 12, Ubuntu 22.04)")
endif()

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(JPEG REQUIRED IMPORTED_TARGET libjpeg)
pkg_check_modules(PNG REQUIRED IMPORTED_TARGET libpng)
pkg_check_modules(EXIF REQUIRED IMPORTED_TARGET libexif)
if(MURAL_ISAL STREQUAL "ON")
	pkg_check_modules(ISAL REQUIRED IMPORTED_TARGET libisal)
elseif(MURAL_ISAL STREQUAL "AUTO")
	pkg_check_modules(ISAL IMPORTED_TARGET libisal)
else()
	set(ISAL_FOUND FALSE)
endif()
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
if(MURAL_BUILD_VIEWER)
	pkg_check_modules(SDL2 REQUIRED IMPORTED_TARGET sdl2)
endif()
if(MURAL_BUILD_TESTS)
	pkg_check_modules(CRITERION REQUIRED IMPORTED_TARGET criterion)
endif()

# Programs find the project's libraries by their own place, wherever both were installed, also where the system's linker does not
# look; -DCMAKE_SKIP_INSTALL_RPATH=ON leaves that out.
file(RELATIVE_PATH libraries "${CMAKE_INSTALL_FULL_BINDIR}" "${CMAKE_INSTALL_FULL_LIBDIR}")
set(MURAL_PROGRAM_RPATH "$ORIGIN/${libraries}")

# One interface library carries the flags, so that nothing has to repeat them.
add_library(mural_flags INTERFACE)
target_compile_definitions(mural_flags INTERFACE _GNU_SOURCE _FILE_OFFSET_BITS=64 _TIME_BITS=64
	MURAL_VERSION="${PROJECT_VERSION}")
target_compile_options(mural_flags INTERFACE
	-Wall -Wextra -Wundef -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wcast-qual -Wformat=2
	-fno-strict-aliasing
	# Outputs stay untouched on failure, and a failure is -errno, which gcc does not know to be negative: at -O3 it
	# warns of nearly every such call. -Wuninitialized stays on, and gcc -fanalyzer judges the rest.
	-Wno-maybe-uninitialized)
if(MURAL_WERROR)
	target_compile_options(mural_flags INTERFACE -Werror)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
	target_compile_definitions(mural_flags INTERFACE _FORTIFY_SOURCE=2)
	target_compile_options(mural_flags INTERFACE -fstack-protector-strong)
endif()
if(MURAL_SANITIZE)
	target_compile_options(mural_flags INTERFACE -fsanitize=${MURAL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
	target_link_options(mural_flags INTERFACE -fsanitize=${MURAL_SANITIZE})
	target_compile_definitions(mural_flags INTERFACE MURAL_SANITIZED=1)
endif()
if(MURAL_COVERAGE)
	target_compile_options(mural_flags INTERFACE --coverage -O0)
	target_link_options(mural_flags INTERFACE --coverage)
endif()
if(MURAL_FUZZ)
	target_compile_options(mural_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(NOT MURAL_SANDBOX)
	target_compile_definitions(mural_flags INTERFACE MURAL_NO_SANDBOX=1)
endif()
if(MURAL_DEATH_POINTS)
	target_compile_definitions(mural_flags INTERFACE MURAL_DEATH_POINTS=1)
endif()
