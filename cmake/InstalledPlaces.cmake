# For files that are configured when they are installed (InstallConfigured.cmake): where the rest is, seen from a .pc file.
# Given CMAKE_INSTALL_PREFIX, CMAKE_INSTALL_LIBDIR and CMAKE_INSTALL_INCLUDEDIR, sets PC_PREFIX, PC_LIBDIR and PC_INCLUDEDIR.
#
# The prefix is told by the place of the .pc file itself, so that the tree can be moved; but not where it can not be: below a
# library folder outside of the prefix, and in /usr, whose folders pkg-config leaves out only where they are spelled plainly.
set(PC_PREFIX "${CMAKE_INSTALL_PREFIX}")
if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" AND NOT CMAKE_INSTALL_PREFIX STREQUAL "/usr")
	file(RELATIVE_PATH up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
	string(REGEX REPLACE "/$" "" up "${up}")
	set(PC_PREFIX "\${pcfiledir}/${up}")
endif()
foreach(folder LIBDIR INCLUDEDIR)
	set(PC_${folder} "${CMAKE_INSTALL_${folder}}")
	if(NOT IS_ABSOLUTE "${PC_${folder}}")
		set(PC_${folder} "\${prefix}/${PC_${folder}}")
	endif()
endforeach()
