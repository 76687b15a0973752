/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a credential plugin: a process group of its own, no shell, nothing on its standard input,
 * bounded in time and in what it says.
 */
#include "kube_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { COMPLAINT_MAX_BYTES = 256, LOOK_MS = 20 };

struct child {
  pid_t pid;
  bool has_ended;
  int wait_status;
  int out, err; /* our ends of its pipes; -1: at the end */
};

/* ---- its environment and arguments ------------------------------------------------------------
 */

static bool is_same_name(const char *a, const char *b) {
  size_t n = strcspn(a, "=");
  return strncmp(a, b, n) == 0 && b[n] == '=';
}

static bool is_replaced(const struct exec_plugin *plugin, const char *entry) {
  if (is_same_name("KUBERNETES_EXEC_INFO=", entry))
    return true;
  for (size_t i = 0; i < plugin->env_count; i++) {
    if (is_same_name(plugin->env[i], entry))
      return true;
  }
  return false;
}

static char **make_env(struct arena *arena, const struct exec_plugin *plugin, const char *info) {
  size_t count = 0, at = 0;
  while (environ && environ[count])
    count++;
  const char **env = arena_array(arena, count + plugin->env_count + 2, sizeof(*env));
  for (size_t i = 0; i < count; i++) {
    if (!is_replaced(plugin, environ[i]))
      env[at++] = environ[i];
  }
  for (size_t i = 0; i < plugin->env_count; i++)
    env[at++] = plugin->env[i];
  env[at] = str_printf(arena, "KUBERNETES_EXEC_INFO=%s", info).ptr;
  return (char **)env;
}

static char **make_args(struct arena *arena, const struct exec_plugin *plugin) {
  const char **args = arena_array(arena, plugin->arg_count + 2, sizeof(*args));
  args[0] = plugin->command;
  for (size_t i = 0; i < plugin->arg_count; i++)
    args[i + 1] = plugin->args[i];
  return (char **)args;
}

/* ---- start -------------------------------------------------------------------------------------
 */

/* Signals as a new program expects them, whatever this process does with its own. */
static void set_attributes(posix_spawnattr_t *attributes) {
  sigset_t none, all;
  (void)sigemptyset(&none);
  (void)sigfillset(&all);
  (void)sigdelset(&all, SIGKILL);
  (void)sigdelset(&all, SIGSTOP);
  (void)posix_spawnattr_setpgroup(attributes, 0);
  (void)posix_spawnattr_setsigmask(attributes, &none);
  (void)posix_spawnattr_setsigdefault(attributes, &all);
  (void)posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                 POSIX_SPAWN_SETSIGDEF);
}

static int spawn(struct child *child, const struct exec_plugin *plugin, const char *info, int out,
                 int err) {
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
  (void)posix_spawnattr_init(&attributes);
  (void)posix_spawn_file_actions_init(&actions);
  set_attributes(&attributes);
  (void)posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  (void)posix_spawn_file_actions_adddup2(&actions, out, 1);
  (void)posix_spawn_file_actions_adddup2(&actions, err, 2);
  (void)posix_spawn_file_actions_addclosefrom_np(&actions, 3); /* libcurl's sockets */
  int failed = posix_spawnp(&child->pid, plugin->command, &actions, &attributes,
                            make_args(arena, plugin), make_env(arena, plugin, info));
  (void)posix_spawn_file_actions_destroy(&actions);
  (void)posix_spawnattr_destroy(&attributes);
  return failed;
}

static void close_pair(int fds[2]) {
  for (int i = 0; i < 2; i++) {
    if (fds[i] >= 0)
      (void)close(fds[i]);
  }
}

static bool start(struct child *child, const struct exec_plugin *plugin, const char *info,
                  struct err *reterr) {
  int out[2] = {-1, -1}, err[2] = {-1, -1};
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) {
    int why = errno;
    close_pair(out);
    return err_set(reterr, ERR_UNAVAILABLE, "cannot make a pipe: %s", strerror(why));
  }
  int failed = spawn(child, plugin, info, out[1], err[1]);
  if (failed) {
    close_pair(out);
    close_pair(err);
    return err_set(reterr, ERR_INVALID, "cannot run \"%s\": %s%s%.*s", plugin->command,
                   strerror(failed), plugin->install_hint.len > 0 ? ". " : "",
                   STR_FMT(plugin->install_hint));
  }
  (void)close(out[1]);
  (void)close(err[1]);
  (void)fcntl(out[0], F_SETFL, O_NONBLOCK);
  (void)fcntl(err[0], F_SETFL, O_NONBLOCK);
  child->out = out[0];
  child->err = err[0];
  return true;
}

/* ---- run and end ------------------------------------------------------------------------- */

/* What there is; closes at the end. */
static void drain(int *fd, struct buf *into) {
  char bytes[4096];
  while (*fd >= 0 && !into->truncated) {
    ssize_t n = read(*fd, bytes, sizeof(bytes));
    if (n > 0) {
      buf_append(into, bytes, (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
      (void)close(*fd);
      *fd = -1;
    } else if (errno == EAGAIN) {
      return;
    }
  }
}

/* Only the start of a complaint is kept, the rest is read so that the writer can go on. */
static void drain_complaint(int *fd, struct buf *complaint) {
  CLEANUP_BUF struct buf piece;
  buf_init(&piece, 64 << 10);
  drain(fd, &piece);
  size_t room = complaint->max - complaint->len;
  buf_append(complaint, piece.ptr, piece.len < room ? piece.len : room);
}

static void look_whether_ended(struct child *child) {
  if (!child->has_ended)
    child->has_ended = waitpid(child->pid, &child->wait_status, WNOHANG) == child->pid;
}

static void end(struct child *child) {
  (void)kill(-child->pid, SIGKILL); /* the group: also what it has left behind */
  while (!child->has_ended && waitpid(child->pid, &child->wait_status, 0) < 0 && errno == EINTR)
    ;
  if (child->out >= 0)
    (void)close(child->out);
  if (child->err >= 0)
    (void)close(child->err);
}

/* Until it has ended: something that it started may hold the pipes open for ever. */
static bool attend(struct child *child, int64_t timeout_ms, const struct kube_stop *stop,
                   struct buf *out, struct buf *complaint, struct err *reterr) {
  struct sys_mono until = sys_mono_add_ms(sys_mono_now(), timeout_ms);
  for (;;) {
    struct pollfd fds[] = {{.fd = child->out, .events = POLLIN},
                           {.fd = child->err, .events = POLLIN},
                           {.fd = stop ? stop->event_fd : -1, .events = POLLIN}};
    (void)poll(fds, SG_ARRAY_LEN(fds), LOOK_MS);
    look_whether_ended(child);
    drain(&child->out, out);
    drain_complaint(&child->err, complaint);
    if (out->truncated)
      return err_set(reterr, ERR_LIMIT, "it wrote more than %zu bytes", out->max);
    if (child->has_ended)
      return true;
    if (kube_stop_is_raised(stop))
      return err_set(reterr, ERR_UNAVAILABLE, "stopped");
    if (sys_mono_now().ns >= until.ns)
      return err_set(reterr, ERR_UNAVAILABLE, "it did not end within %lld ms",
                     (long long)timeout_ms);
  }
}

static void one_line(struct buf *text) {
  while (text->len > 0 && (unsigned char)text->ptr[text->len - 1] <= ' ')
    text->len--;
  for (size_t i = 0; i < text->len; i++) {
    if ((unsigned char)text->ptr[i] < ' ' || text->ptr[i] == 0x7f)
      text->ptr[i] = ' ';
  }
}

static bool judge(const struct child *child, struct buf *complaint, struct err *reterr) {
  if (WIFEXITED(child->wait_status) && WEXITSTATUS(child->wait_status) == 0)
    return true;
  one_line(complaint);
  bool is_exit = WIFEXITED(child->wait_status);
  return err_set(reterr, ERR_INVALID, "it ended with %s %d%s%.*s", is_exit ? "status" : "signal",
                 is_exit ? WEXITSTATUS(child->wait_status) : WTERMSIG(child->wait_status),
                 complaint->len > 0 ? ": " : "", STR_FMT(buf_str(complaint)));
}

bool exec_run(const struct exec_plugin *plugin, const char *info, int64_t timeout_ms,
              const struct kube_stop *stop, struct buf *out, struct err *reterr) {
  CLEANUP_BUF struct buf complaint;
  buf_init(&complaint, COMPLAINT_MAX_BYTES);
  struct child child = {.out = -1, .err = -1};
  if (!start(&child, plugin, info, reterr))
    return err_wrap(reterr, "%.*s", STR_FMT(plugin->origin));
  bool ok = attend(&child, timeout_ms, stop, out, &complaint, reterr);
  end(&child);
  if (!ok || !judge(&child, &complaint, reterr))
    return err_wrap(reterr, "%.*s: \"%s\"", STR_FMT(plugin->origin), plugin->command);
  return true;
}
