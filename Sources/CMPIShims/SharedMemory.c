#define _GNU_SOURCE
#include "CMPIShims.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

// A memory file of `bytes` zeros, or −1.
static int make_file(size_t bytes, kelip_shared_file *file) {
  int fd = memfd_create("kelip", MFD_CLOEXEC);
  if (fd < 0) return -1;
  struct stat status;
  if (ftruncate(fd, (off_t)bytes) != 0 || fstat(fd, &status) != 0) {
    close(fd);
    return -1;
  }
  *file = (kelip_shared_file){
      .process = getpid(), .descriptor = fd, .inode = status.st_ino, .device = status.st_dev, .bytes = bytes};
  return fd;
}

int kelip_shared_make(size_t bytes, kelip_shared_file *file, void **address) {
  int fd = make_file(bytes, file);
  if (fd < 0) return errno;
  *address = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  return *address == MAP_FAILED ? errno : 0;
}

int kelip_shared_replace(void *address, size_t bytes, kelip_shared_file *file) {
  int fd = make_file(bytes, file);
  if (fd < 0) return errno;
  // The pages move away but the range stays mapped: nothing else can settle there in between.
  void *old = mremap(address, bytes, bytes, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
  if (old == MAP_FAILED) {
    int reason = errno;
    close(fd);
    return reason;
  }
  void *shared = mmap(address, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
  int reason = shared == MAP_FAILED ? errno : 0;
  // Refusal costs only speed.
  (void)madvise(address, bytes, MADV_HUGEPAGE);
  memcpy(address, old, bytes);
  munmap(old, bytes);
  if (reason != 0) close(fd);
  return reason;
}

const void *kelip_shared_open(const kelip_shared_file *file) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)file->process, (int)file->descriptor);
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return NULL;
  struct stat status;
  // In another PID namespace the number may be someone else's.
  int same = fstat(fd, &status) == 0 && status.st_ino == file->inode && status.st_dev == file->device &&
             (uint64_t)status.st_size == file->bytes;
  void *address = same ? mmap(NULL, file->bytes, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
  close(fd);
  if (address == MAP_FAILED) return NULL;
  (void)madvise(address, file->bytes, MADV_HUGEPAGE);
  return address;
}

void kelip_shared_close(const void *address, size_t bytes) { (void)munmap((void *)address, bytes); }

void kelip_shared_forget(const kelip_shared_file *file) { (void)close(file->descriptor); }

uint64_t kelip_shared_load(const void *address) {
  return __atomic_load_n((const uint64_t *)address, __ATOMIC_ACQUIRE);
}

void kelip_shared_store(void *address, uint64_t value) {
  __atomic_store_n((uint64_t *)address, value, __ATOMIC_RELEASE);
}
