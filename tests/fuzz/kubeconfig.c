/* SPDX-License-Identifier: Apache-2.0 */
/* A kubeconfig, and the answer of a plugin. */
#include "src/kube/kube_internal.h"
#include "tests/support/fuzz_main.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void demand(bool holds) {
  if (!holds)
    __builtin_trap();
}

/* A file that is in memory only. */
static const char *write_file(const uint8_t *data, size_t size) {
  static char path[64];
  static int fd = -1;
  if (fd < 0)
    fd = memfd_create("kubeconfig", MFD_CLOEXEC);
  demand(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
  (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
  return path;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct kube_config_request request = {.kubeconfig = write_file(data, size)};
  struct err err = {0};
  struct kube_config *config = kube_config_load(&request, &err);
  if (config) {
    demand(config->server.len > 7 && config->namespace.len > 0);
    demand(config->cert.is_set == config->key.is_set);
    CLEANUP_BUF struct buf info;
    buf_init(&info, 8 << 20);
    if (config->exec)
      exec_write_info(config, (struct str){0}, &info);
  } else {
    demand(err.code != ERR_NONE && err.text[0] != '\0');
  }
  kube_config_free(config);

  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  struct exec_reply reply;
  if (exec_read_reply(arena, EXEC_V1, (struct str){(const char *)data, size}, &reply, &err))
    demand(reply.token.len > 0 || reply.cert_pem.len > 0);
  return 0;
}
