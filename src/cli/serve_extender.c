/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /scheduler/filter, /prioritize. A door is a sandwich: decode, decide on a snapshot, put the
 * decision into the ledger, encode. kube-scheduler takes any status but 200 for a failed call.
 */
#include "src/cli/serve_extender.h"
#include "src/cli/serve_door.h"

enum {
  /* How long a filter that refuses everything for counts waits for news that must be under way:
   * kube-scheduler, which keeps the same counts, has found room. */
  BEHIND_MS = 150,
  LOG_AGAIN_MS = 10000, /* of clients that are turned away */
};

/* ---- what all doors share -------------------------------------------------------------------- */

void extender_door_init(struct extender_door *door, struct sys_metrics *metrics) {
  door->requests = sys_counter_new(
      metrics, &(struct sys_metric_desc){.name = "extender_requests_total",
                                         .help = "Calls of kube-scheduler, by verb and result.",
                                         .labels = {"verb", "result"}});
  static const int64_t bounds[] = {50,   100,  200,   500,   1000,   2000,
                                   3000, 5000, 10000, 50000, 200000, 1000000};
  door->duration = sys_histogram_new(
      metrics,
      &(struct sys_metric_desc){.name = "extender_duration_seconds",
                                .help = "Time in which a call of kube-scheduler was decided, "
                                        "reading, waiting and writing it included.",
                                .labels = {"verb"}},
      bounds, SG_ARRAY_LEN(bounds));
  door->clients_refused = sys_counter_new(
      metrics, &(struct sys_metric_desc){
                   .name = "extender_clients_refused_total",
                   .help = "Connections to the extender without a good client certificate."});
}

void extender_client_refused(void *ctx, const char *peer, const char *reason) {
  struct extender_door *door = ctx;
  sys_counter_add(sys_series_get(door->clients_refused, NULL), 1);
  if (sys_is_due(&door->refusal_logged, LOG_AGAIN_MS))
    sys_log(SYS_WARN, "a client of the extender was turned away", sys_cstr("peer", peer),
            sys_cstr("why", reason));
}

void door_count(const struct door_call *call, const char *result) {
  const struct str labels[] = {str_of(call->verb), str_of(result)};
  sys_counter_add(sys_series_get(call->door->requests, labels), 1);
  sys_histogram_observe(sys_series_get(call->door->duration, labels),
                        sys_mono_us_between(call->began, sys_mono_now()));
}

void door_fail(const struct door_call *call, unsigned status, const char *result,
               const struct err *err) {
  if (err->line)
    http_response_error(call->response, status, "line %u, column %u: %s", err->line, err->column,
                        err->text);
  else
    http_response_error(call->response, status, "%s", err->text);
  door_count(call, result);
}

bool door_enter(struct door_call *call) {
  struct err err;
  call->began = sys_mono_now();
  if (!state_is_synced(live_state(call->door->live)) || !placer_is_ready(call->door->placer)) {
    (void)err_set(&err, ERR_UNAVAILABLE, "the cluster has not been listed yet; ask again");
  } else if (!call->door->may_answer(call->door->may_ctx)) {
    (void)err_set(&err, ERR_UNAVAILABLE, "this replica does not decide");
    if (call->door->why_not)
      call->door->why_not(call->door->may_ctx, &err);
  } else {
    return true;
  }
  /* The next connection may reach the replica that answers. */
  http_response_header(call->response, "Connection", "close");
  door_fail(call, 503, "not_holder", &err);
  return false;
}

/* ---- filter ---------------------------------------------------------------------------------- */

struct filter_call {
  struct door_call call;
  struct wire_extender_args args;
  struct pack_asked asked;
  struct ext_question question;
  struct ext_filter found;
};

bool door_check_pod(const struct door_call *call, const struct pod *pod) {
  struct err err;
  if (pod->uid.len && pod->ns.len)
    return true;
  (void)err_set(&err, ERR_INVALID, "Pod.metadata.%s is missing: a pod is known by it",
                pod->uid.len ? "namespace" : "uid");
  return door_fail(call, 400, "malformed", &err), false;
}

bool door_ask(const struct door_call *call, const struct pod *pod, struct pack_asked *room,
              const struct pack_asked **ret, struct err *reterr) {
  struct err err;
  *ret = NULL;
  if (pod->absurd.len)
    return err_set(reterr, ERR_INVALID, "Pod.%.*s", STR_FMT(pod->absurd));
  if (state_ask(live_state(call->door->live), call->request->arena, pod, room, &err)) {
    *ret = room;
    return true;
  }
  if (room->is_absurd) /* of all containers together: which of them it is, nobody can say */
    return err_set(reterr, ERR_INVALID, "Pod.spec.containers[*].resources.requests: %s", err.text);
  sys_log(SYS_DEBUG, "passed through", sys_str("namespace", pod->ns), sys_str("pod", pod->name),
          sys_err(&err));
  return true;
}

void door_hold(const struct door_call *call, const struct pod *pod, const struct pack_asked *asked,
               const struct ext_view *view, const struct pack_placement *placement) {
  /* What was not to be held any more in the meantime only ranks worse than it might. */
  (void)!live_hold(call->door->live, STATE_TENTATIVE, pod, asked, view->snapshot, placement);
}

static void decide_filter(struct filter_call *f) {
  struct ext_view view;
  const struct door_call *call = &f->call;
  placer_enter(call->door->placer);
  (void)state_unhold(live_state(call->door->live), f->args.pod.uid, false);
  placer_look(call->door->placer, &view);
  ext_filter(&view, &f->question, call->request->arena, &f->found);
  if (f->found.has_choice && f->found.passed_count)
    door_hold(call, &f->args.pod, &f->asked, &view, &f->found.choice);
  placer_leave(call->door->placer, &view);
}

static void write_filter(const struct filter_call *f, struct buf *out) {
  struct arena *arena = f->call.request->arena;
  const struct ext_filter *found = &f->found;
  struct str *names = arena_array(arena, found->passed_count + 1, sizeof(*names));
  struct str *nodes = arena_array(arena, found->passed_count + 1, sizeof(*nodes));
  struct wire_node_reason *failed = arena_array(arena, found->refusal_count + 1, sizeof(*failed));
  struct wire_node_reason *final = arena_array(arena, found->refusal_count + 1, sizeof(*final));
  struct wire_filter_result result = {.node_names = names,
                                      .nodes = f->args.nodes ? nodes : NULL,
                                      .node_count = found->passed_count,
                                      .failed = failed,
                                      .unresolvable = final};
  for (size_t i = 0; i < found->passed_count; i++) {
    names[i] = f->args.node_names[found->passed[i]];
    if (f->args.nodes)
      nodes[i] = f->args.nodes[found->passed[i]];
  }
  for (size_t i = 0; i < found->refusal_count; i++) {
    const struct ext_refusal *refusal = &found->refusals[i];
    struct wire_node_reason reason = {f->args.node_names[refusal->name], refusal->reason};
    if (refusal->is_final)
      final[result.unresolvable_count++] = reason;
    else
      failed[result.failed_count++] = reason;
  }
  wire_filter_result_write(&result, out);
}

static bool read_args(struct filter_call *f) {
  struct err err;
  if (!wire_extender_args_read(f->call.request->arena, f->call.request->body, &f->args, &err)) {
    door_fail(&f->call, 400, "malformed", &err);
    return false;
  }
  f->question.pod = &f->args.pod;
  f->question.names = f->args.node_names;
  f->question.count = f->args.node_count;
  if (f->args.has_nodes)
    return door_check_pod(&f->call, &f->args.pod);
  (void)err_set(&err, ERR_INVALID,
                "Nodes and NodeNames are both null: there is nothing to choose from");
  return door_fail(&f->call, 400, "malformed", &err), false;
}

/* The node that was nominated for the pod, asked about alone: kube-scheduler has had room made
 * there, or we have advised it. Refused for what has just ended, it would drive out others. */
static bool is_promised(const struct filter_call *f) {
  struct str promised = f->args.pod.nominated_node;
  return f->found.passed_count == 0 && f->question.count == 1 && promised.len &&
         str_eq(f->question.names[0], promised);
}

/* Before its advice; others are to have theirs before kube-scheduler takes them up. */
static bool is_early(const struct filter_call *f) {
  struct nominator *nominator = f->call.door->nominator;
  return nominator && f->question.asked && nominator_is_behind(nominator, &f->args.pod);
}

/* False: it has to wait, and is not where it may. */
static bool decide_with_news(struct filter_call *f) {
  struct state *state = live_state(f->call.door->live);
  int64_t until = live_now_ms() + BEHIND_MS, left = BEHIND_MS;
  for (;;) {
    struct state_stats stats;
    state_get_stats(state, &stats);
    decide_filter(f);
    left = until - live_now_ms();
    if (left <= 0 || !(f->found.is_behind || is_promised(f)))
      return true;
    if (!f->call.request->is_aside)
      return false;
    /* What changes from here on is seen: the figures are of before the decision. */
    (void)state_wait(state, stats.generation, left);
  }
}

static void note_refused(const struct door_call *call, const struct pod *pod) {
  const struct extender_door *door = call->door;
  if (door->waker && !(door->nominator && nominator_advises(door->nominator, pod)))
    waker_note(door->waker, pod->uid);
}

void serve_filter(void *ctx, const struct http_request *request, struct http_response *response) {
  struct filter_call f = {.call = {ctx, request, response, "filter", {0}}};
  if (!door_enter(&f.call) || !read_args(&f))
    return;
  struct err err;
  if (!door_ask(&f.call, &f.args.pod, &f.asked, &f.question.asked, &err)) {
    wire_filter_result_write(&(struct wire_filter_result){.error = str_of(err.text)},
                             &response->body);
    door_count(&f.call, "absurd");
    return;
  }
  if (str_eq(pod_scheduler_of(&f.args.pod), f.call.door->scheduler_name))
    atomic_store(&f.call.door->asked_ms, live_now_ms());
  if ((!request->is_aside && is_early(&f)) || !decide_with_news(&f)) {
    http_response_aside(response);
    return;
  }
  if (request->is_aside && is_early(&f)) { /* what it holds keeps the nominator from it */
    nominator_catch_up(f.call.door->nominator);
    decide_filter(&f);
  }
  /* Without news kube-scheduler's own count is the better one. */
  if (f.found.is_behind && live_age_seconds(f.call.door->live) > 0) {
    f.question.asked = NULL;
    decide_filter(&f);
  }
  if (f.question.asked && f.found.passed_count == 0)
    note_refused(&f.call, &f.args.pod);
  write_filter(&f, &response->body);
  door_count(&f.call, f.found.passed_count ? "passed" : "refused");
}

/* ---- prioritize ------------------------------------------------------------------------------ */

void serve_prioritize(void *ctx, const struct http_request *request,
                      struct http_response *response) {
  struct filter_call f = {.call = {ctx, request, response, "prioritize", {0}}};
  if (!door_enter(&f.call) || !read_args(&f))
    return;
  struct arena *arena = request->arena;
  size_t count = f.question.count;
  int64_t *scores = arena_array(arena, count + 1, sizeof(*scores));
  struct wire_host_score *hosts = arena_array(arena, count + 1, sizeof(*hosts));
  struct pack_placement choice;
  struct ext_view view;
  struct err err;
  if (!door_ask(&f.call, &f.args.pod, &f.asked, &f.question.asked, &err)) {
    door_fail(&f.call, 400, "absurd", &err); /* a list of scores has no place for an error */
    return;
  }
  placer_enter(f.call.door->placer);
  (void)state_unhold(live_state(f.call.door->live), f.args.pod.uid, false);
  placer_look(f.call.door->placer, &view);
  if (ext_prioritize(&view, &f.question, arena, scores, &choice))
    door_hold(&f.call, &f.args.pod, &f.asked, &view, &choice);
  placer_leave(f.call.door->placer, &view);
  for (size_t i = 0; i < count; i++)
    hosts[i] = (struct wire_host_score){f.args.node_names[i], scores[i]};
  wire_host_scores_write(hosts, count, &response->body);
  door_count(&f.call, "ranked");
}
