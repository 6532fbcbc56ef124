#pragma once

// Calls of Linux that Swift's Glibc module does not show. All return -1 with `errno` on failure.

/// Exchanges the names of two files or folders at once; EINVAL or ENOSYS where the file system cannot.
int kelip_exchange_names(const char *first, const char *second);

/// Creates or empties a file whose writes go past the page cache (O_DIRECT).
int kelip_create_direct(const char *path);

/// From now on writes go through the page cache.
int kelip_leave_direct(int file);
