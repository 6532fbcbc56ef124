// Makes calls of the file system fail or end the process, for tests: preloaded (LD_PRELOAD) into an unchanged program.
//
// Counted are the calls that change something below the folder KELIP_FAULT_FOLDER: open for writing, write, fsync,
// rename, mkdir, unlink, rmdir, ftruncate. In the process of rank KELIP_FAULT_RANK (any rank without it):
//   KELIP_FAULT_AT=n          the n-th of them, from 1, and with KELIP_FAULT_COUNT=m the m from there (all for 0)
//   KELIP_FAULT_ERROR=e       fail with this errno instead of ending the process by SIGKILL
//   KELIP_FAULT_LOG=file      gets a line a counted call, so that a test knows how many there are
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *folder, *log_path;
static long first, amount = 1, error_code;
static int is_on;
static atomic_long calls;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void start(void) {
  folder = getenv("KELIP_FAULT_FOLDER");
  log_path = getenv("KELIP_FAULT_LOG");
  const char *wanted = getenv("KELIP_FAULT_RANK"), *rank = getenv("OMPI_COMM_WORLD_RANK");
  is_on = folder != NULL && (wanted == NULL || (rank != NULL && strcmp(wanted, rank) == 0));
  const char *text = getenv("KELIP_FAULT_AT");
  first = text ? atol(text) : 0;
  if ((text = getenv("KELIP_FAULT_COUNT"))) amount = atol(text) ? atol(text) : LONG_MAX / 2;
  if ((text = getenv("KELIP_FAULT_ERROR"))) error_code = atol(text);
}

static void note(const char *call, const char *path, long number) {
  if (log_path == NULL) return;
  char line[PATH_MAX + 64];
  int length = snprintf(line, sizeof line, "%ld %s %s\n", number, call, path);
  int file = REAL(open)(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) return;
  if (REAL(write)(file, line, (size_t)length) < 0) abort();
  REAL(close)(file);
}

// 0, the errno that the call is to fail with, or -1 where the process is to end.
static int counted(const char *call, const char *path) {
  if (!is_on || path == NULL || strncmp(path, folder, strlen(folder)) != 0) return 0;
  long number = atomic_fetch_add(&calls, 1) + 1;
  note(call, path, number);
  if (first == 0 || number < first || number >= first + amount) return 0;
  if (error_code == 0) return -1;
  return (int)error_code;
}

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

static int counted_file(const char *call, int file) {
  if (!is_on) return 0;
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return counted(call, path);
}

#define FAIL_IF(expression)      \
  do {                           \
    int code = (expression);     \
    if (code < 0) die();         \
    if (code) {                  \
      errno = code;              \
      return -1;                 \
    }                            \
  } while (0)

#define OPEN(name)                                              \
  int name(const char *path, int flags, ...) {                  \
    va_list arguments;                                          \
    va_start(arguments, flags);                                 \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0; \
    va_end(arguments);                                          \
    if (flags & (O_WRONLY | O_RDWR)) FAIL_IF(counted("open", path)); \
    return REAL(name)(path, flags, mode);                       \
  }
OPEN(open)
OPEN(open64)

ssize_t write(int file, const void *bytes, size_t count) {
  int code = counted_file("write", file);
  // Half of the bytes are there when the process ends.
  if (code < 0 && REAL(write)(file, bytes, count / 2) >= -1) die();
  FAIL_IF(code);
  return REAL(write)(file, bytes, count);
}
int fsync(int file) {
  FAIL_IF(counted_file("fsync", file));
  return REAL(fsync)(file);
}
int ftruncate(int file, off_t length) {
  FAIL_IF(counted_file("ftruncate", file));
  return REAL(ftruncate)(file, length);
}
int rename(const char *from, const char *to) {
  FAIL_IF(counted("rename", to));
  return REAL(rename)(from, to);
}
int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
  FAIL_IF(counted("renameat2", to));
  return REAL(renameat2)(from_folder, from, to_folder, to, flags);
}
int mkdir(const char *path, mode_t mode) {
  FAIL_IF(counted("mkdir", path));
  return REAL(mkdir)(path, mode);
}
int unlink(const char *path) {
  FAIL_IF(counted("unlink", path));
  return REAL(unlink)(path);
}
int unlinkat(int parent, const char *path, int flags) {
  FAIL_IF(path[0] == '/' ? counted("unlinkat", path) : counted_file("unlinkat", parent));
  return REAL(unlinkat)(parent, path, flags);
}
int rmdir(const char *path) {
  FAIL_IF(counted("rmdir", path));
  return REAL(rmdir)(path);
}
