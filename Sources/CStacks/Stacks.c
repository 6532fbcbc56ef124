#define _GNU_SOURCE
#include "CStacks.h"

#include <dirent.h>
#include <errno.h>
#include <execinfo.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FRAMES = 64 };

static int target;
static sem_t done;

static void say(const char *format, int thread, const char *text) {
  char line[160];
  int length = snprintf(line, sizeof line, format, thread, text);
  if (write(target, line, (size_t)length) < 0) return;
}

// On the thread whose stack it is. Nothing here takes a lock that the thread may hold.
static void dump(int signal_number) {
  (void)signal_number;
  int saved = errno;
  void *frames[MAX_FRAMES];
  backtrace_symbols_fd(frames, backtrace(frames, MAX_FRAMES), target);
  sem_post(&done);
  errno = saved;
}

static void name_thread(int thread) {
  char path[64], name[32] = "";
  snprintf(path, sizeof path, "/proc/self/task/%d/comm", thread);
  FILE *file = fopen(path, "r");
  if (file) {
    if (fgets(name, sizeof name, file)) name[strcspn(name, "\n")] = 0;
    fclose(file);
  }
  say("thread %d (%s):\n", thread, name);
}

int kelip_dump_stacks(int file) {
  target = file;
  // The first call loads a library, which a handler must not do.
  void *frames[2];
  backtrace(frames, 2);
  if (sem_init(&done, 0, 0) != 0) return -1;
  const int number = SIGRTMIN + 7;
  struct sigaction action = {.sa_handler = dump, .sa_flags = SA_RESTART}, before;
  if (sigaction(number, &action, &before) != 0) return -1;
  DIR *tasks = opendir("/proc/self/task");
  if (tasks == NULL) return -1;
  int count = 0;
  for (struct dirent *entry; (entry = readdir(tasks)) != NULL;) {
    int thread = atoi(entry->d_name);
    if (thread <= 0) continue;
    name_thread(thread);
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 500000000;
    if (until.tv_nsec >= 1000000000) {
      until.tv_nsec -= 1000000000;
      until.tv_sec++;
    }
    int status = (int)syscall(SYS_tgkill, getpid(), thread, number);
    while (status == 0 && (status = sem_timedwait(&done, &until)) != 0 && errno == EINTR) {
      status = 0;
    }
    if (status == 0) {
      count++;
    } else {
      say("  %d does not answer%s\n", thread, "");
    }
  }
  closedir(tasks);
  // A late answer must not end the process: the handler stays.
  return count;
}
