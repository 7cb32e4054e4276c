# install_configured(FILE.in FOLDER COMPONENT): a file that names the place where the rest is. It is configured when it is
# installed, since `cmake --install --prefix` may choose another place than the one that was thought of before.
# FILE.in may use @PC_PREFIX@, @PC_LIBDIR@, @PC_INCLUDEDIR@ (InstalledPlaces.cmake), @CMAKE_INSTALL_FULL_BINDIR@, @PROJECT_VERSION@ and
# @PROJECT_DESCRIPTION@.
function(install_configured source folder component)
	cmake_path(ABSOLUTE_PATH source OUTPUT_VARIABLE from)
	cmake_path(GET source STEM LAST_ONLY name)
	set(to "${CMAKE_CURRENT_BINARY_DIR}/${name}")
	set(code "set(CMAKE_INSTALL_FULL_BINDIR [==[${CMAKE_INSTALL_BINDIR}]==])
cmake_path(ABSOLUTE_PATH CMAKE_INSTALL_FULL_BINDIR BASE_DIRECTORY \"\${CMAKE_INSTALL_PREFIX}\")\n")
	foreach(variable CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR PROJECT_VERSION PROJECT_DESCRIPTION)
		string(APPEND code "set(${variable} [==[${${variable}}]==])\n")
	endforeach()
	string(APPEND code "include([==[${PROJECT_SOURCE_DIR}/cmake/InstalledPlaces.cmake]==])\n")
	string(APPEND code "configure_file([==[${from}]==] [==[${to}]==] @ONLY)\n")
	install(CODE "${code}" COMPONENT ${component})
	install(FILES "${to}" DESTINATION "${folder}" COMPONENT ${component})
endfunction()
