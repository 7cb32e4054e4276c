/* In /tmp anybody may have been there first: a place that is not ours is refused before anything is
 * said there. */
#include "address.h"

#include "common/util.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

int address_resolve(const char *given, struct endpoint *ret)
{
	struct endpoint endpoint;
	int r = endpoint_resolve(given, &endpoint);
	if (r < 0)
		return r;
	if (endpoint.address.sun_path[0] != '/') {
		CLEANUP(free_p) char *folder = getcwd(NULL, 0);
		char path[sizeof(endpoint.address.sun_path) + 1];
		if (!folder)
			return -errno;
		int length =
			snprintf(path, sizeof(path), "%s/%s", folder, endpoint.address.sun_path);
		if (length < 0 || (size_t)length >= sizeof(path))
			return -ENAMETOOLONG;
		r = endpoint_resolve(path, &endpoint);
	}
	if (r == 0)
		*ret = endpoint;
	return r;
}

/* The folder of an absolute path, in the caller's buffer of a path's size. */
static void folder_of(
	const struct endpoint *endpoint, char folder[static sizeof(endpoint->address.sun_path)])
{
	strcpy(folder, endpoint->address.sun_path);
	char *slash = strrchr(folder, '/');
	slash[slash == folder] = '\0';
}

/* -ENOENT: it is missing. A folder that the user named may be root's, as /tmp is. */
static int check_folder(const struct endpoint *endpoint)
{
	char folder[sizeof(endpoint->address.sun_path)];
	struct stat st;
	folder_of(endpoint, folder);
	if (fstatat(AT_FDCWD, folder, &st, endpoint->is_default ? AT_SYMLINK_NOFOLLOW : 0) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -EACCES;
	if (st.st_uid != geteuid() && (endpoint->is_default || st.st_uid != 0))
		return -EACCES;
	return endpoint->is_default && (st.st_mode & (S_IWGRP | S_IWOTH)) ? -EACCES : 0;
}

/* A socket of ours, or nothing there. */
static int check_socket(const struct endpoint *endpoint)
{
	struct stat st;
	if (lstat(endpoint->address.sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (st.st_uid != geteuid() || S_ISLNK(st.st_mode))
		return -EACCES;
	return S_ISSOCK(st.st_mode) ? 0 : -ECONNREFUSED;
}

static int check_peer(int socket)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	return peer.uid == geteuid() ? 0 : -EACCES;
}

static int connect_errno(int error)
{
	switch (error) {
	case -ENOENT:
		return -ECONNREFUSED;
	case -EPROTOTYPE:
		return -EPROTONOSUPPORT;
	default:
		return error;
	}
}

int address_connect(const struct endpoint *endpoint, int *ret_socket)
{
	CLEANUP(close_p) int fd = -1;
	int r = check_folder(endpoint);
	if (r == 0)
		r = check_socket(endpoint);
	if (r == 0)
		r = endpoint_connect(endpoint, &fd);
	if (r < 0)
		return connect_errno(r);
	r = check_peer(fd);
	if (r < 0)
		return r;
	*ret_socket = take_fd(&fd);
	return 0;
}
