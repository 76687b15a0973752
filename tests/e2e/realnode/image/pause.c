/* SPDX-License-Identifier: Apache-2.0 */
/* What runs in the suite's pods: says which devices it was given, then waits to be ended. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void end(int signal) {
  (void)signal;
  _exit(0);
}

int main(void) {
  const char *devices = getenv("NVIDIA_VISIBLE_DEVICES");
  signal(SIGTERM, end); /* as first process of a pod it is not ended otherwise */
  signal(SIGINT, end);
  printf("devices: %s\n", devices ? devices : "none");
  fflush(stdout);
  for (;;)
    pause();
}
