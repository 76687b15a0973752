/* SPDX-License-Identifier: Apache-2.0 */
/* `slicegate webhook-config`: what an operator applies so that kube-apiserver calls us. */
#include "src/cli/webhook_config.h"

#include "slicegate/certs.h"
#include "slicegate/sys.h"
#include "src/cli/cli_internal.h"
#include "src/cli/output_json.h"

struct config_flags {
  const char *policy, *url, *service, *ca_bundle, *failure_policy, *name, *output;
  int64_t timeout_seconds;
  struct flag_list excluded;
};

static void config_flags_done(struct config_flags *flags) {
  flag_list_done(&flags->excluded);
}

static const struct command_help config_help = {
    .usage = "slicegate webhook-config (--url URL | --service NAMESPACE/NAME[:PORT]) --ca-bundle "
             "FILE [flags]",
    .summary =
        "Prints the ValidatingWebhookConfiguration and MutatingWebhookConfiguration that fit a "
        "policy: apply them as they are, and again when the policy changes.\n\n"
        "Conditions in CEL, made from the policy, keep everything else away from the webhook. "
        "The entry `gpu` gets what asks for a GPU, under the failure policy that you choose. "
        "The entry `suspect` gets what asks for none but looks like using one (tolerations, "
        "selectors, environment, host paths, runtime classes), always under Ignore: a pod "
        "without a GPU is never refused because the webhook is away. Updates that change "
        "nothing that rules read are not sent.\n\n"
        "Entries that the policy has no use for are left out; /mutate has nothing to do with "
        "pods that ask for no GPU and has no entry `suspect`. kube-system, the service's own "
        "namespace and those that the policy exempts are excluded.",
    .examples =
        "slicegate webhook-config --service gpu/slicegate --ca-bundle certs/ca.crt | kubectl "
        "apply -f -\n"
        "slicegate webhook-config --policy policy.yaml --url https://10.0.0.5:8443 "
        "--ca-bundle ca.crt --failure-policy Fail"};

static enum flags_result read_flags(int argc, char **argv, struct config_flags *ret, FILE *out,
                                    FILE *err) {
  const struct flag flags[] = {
      {.name = "policy",
       .type = FLAG_STRING,
       .argument = "FILE",
       .help = "The GPUPolicy that the server judges by. Without it the built-in one.",
       .value = &ret->policy},
      {.name = "url",
       .type = FLAG_STRING,
       .argument = "URL",
       .help = "Where the API server reaches slicegate, https only; /validate and /mutate are "
               "added.",
       .value = &ret->url},
      {.name = "service",
       .type = FLAG_STRING,
       .argument = "NAMESPACE/NAME[:PORT]",
       .help = "The Service in front of slicegate, port 443 unless given. Its namespace is "
               "excluded.",
       .value = &ret->service},
      {.name = "ca-bundle",
       .type = FLAG_STRING,
       .argument = "FILE",
       .help = "Certificates (PEM) that the serving certificate is verified with.",
       .value = &ret->ca_bundle},
      {.name = "failure-policy",
       .type = FLAG_STRING,
       .argument = "Fail|Ignore",
       .help = "What happens to an object that asks for a GPU when slicegate does not answer. "
               "Ignore, the default, lets it in unjudged; Fail refuses it, which needs at "
               "least two replicas.",
       .value = &ret->failure_policy},
      {.name = "timeout",
       .type = FLAG_INT,
       .argument = "SECONDS",
       .help = "How long the API server waits for an answer (3).",
       .value = &ret->timeout_seconds,
       .minimum = 1,
       .maximum = 30},
      {.name = "namespace-exclude",
       .type = FLAG_LIST,
       .argument = "NS",
       .help = "A namespace whose objects are never sent; may be given several times.",
       .value = &ret->excluded},
      {.name = "name",
       .type = FLAG_STRING,
       .argument = "NAME",
       .help = "Name of both configurations (slicegate).",
       .value = &ret->name},
      {.name = "output",
       .letter = 'o',
       .type = FLAG_STRING,
       .argument = "FORMAT",
       .help = "yaml (two documents) or json (a List).",
       .value = &ret->output},
  };
  return flags_parse(argc, argv, flags, SG_ARRAY_LEN(flags), &config_help, NULL, out, err);
}

/* ---- what kube-apiserver would refuse later, said now --------------------------------------- */

static bool read_service(const char *text, struct webhook_options *ret, FILE *err) {
  struct str rest = str_of(text);
  size_t slash = str_find_char(rest, '/');
  ret->ns = (struct str){rest.ptr, slash};
  rest = str_skip(rest, slash < rest.len ? slash + 1 : slash);
  size_t colon = str_find_char(rest, ':');
  ret->service = (struct str){rest.ptr, colon};
  ret->port = 443;
  bool is_port = colon == rest.len || (i64_parse(str_skip(rest, colon + 1), &ret->port) &&
                                       ret->port >= 1 && ret->port <= 65535);
  if (is_port && cli_is_dns_label(ret->ns) && cli_is_dns_label(ret->service))
    return true;
  return cli_complain(err, "--service is NAMESPACE/NAME or NAMESPACE/NAME:PORT, not \"%s\"", text);
}

/* As the API server wants it: https, a host, and nothing that a path cannot follow. */
static bool check_url(const char *url, FILE *err) {
  static const char scheme[] = "https://";
  size_t len = strlen(url);
  bool is_url = strncmp(url, scheme, sizeof(scheme) - 1) == 0 && len > sizeof(scheme) - 1 &&
                url[sizeof(scheme) - 1] != '/' && url[len - 1] != '/' && len < 2048 &&
                !strpbrk(url, "?#@ \"'\\<>");
  for (size_t i = 0; i < len && is_url; i++)
    is_url = (unsigned char)url[i] > 0x20 && (unsigned char)url[i] < 0x7f;
  return is_url || cli_complain(err,
                                "--url is https://HOST[:PORT][/PATH] without a slash at its end, "
                                "not \"%s\"",
                                url);
}

static bool check_flags(const struct config_flags *flags, struct webhook_options *ret, FILE *err) {
  if (!flags->url == !flags->service)
    return cli_complain(err, "webhook-config needs either --url URL or --service NAMESPACE/NAME");
  if (!flags->ca_bundle)
    return cli_complain(err, "webhook-config needs --ca-bundle FILE; `slicegate certs issue` makes "
                             "one (ca.crt)");
  if (flags->url ? !check_url(flags->url, err) : !read_service(flags->service, ret, err))
    return false;
  if (strcmp(flags->failure_policy, "Fail") != 0 && strcmp(flags->failure_policy, "Ignore") != 0)
    return cli_complain(err, "--failure-policy is Fail or Ignore, not \"%s\"",
                        flags->failure_policy);
  if (strcmp(flags->output, "yaml") != 0 && strcmp(flags->output, "json") != 0)
    return cli_complain(err, "--output is yaml or json, not \"%s\"", flags->output);
  if (!cli_is_dns_name(str_of(flags->name)))
    return cli_complain(err, "--name is lower case letters, digits, '-' and '.', not \"%s\"",
                        flags->name);
  for (size_t i = 0; i < flags->excluded.count; i++) {
    if (!cli_is_dns_label(str_of(flags->excluded.items[i])))
      return cli_complain(err, "--namespace-exclude is the name of a namespace, not \"%s\"",
                          flags->excluded.items[i]);
  }
  ret->url = flags->url;
  ret->name = flags->name;
  ret->failure_policy = flags->failure_policy;
  ret->timeout_seconds = flags->timeout_seconds;
  return true;
}

static bool read_bundle(const char *path, struct buf *ret, FILE *err) {
  struct err why;
  size_t count;
  int64_t not_after;
  if (!sys_file_read(path, CERTS_PEM_MAX_BYTES, ret, &why))
    return cli_complain(err, "%s", why.text);
  if (!certs_check_bundle(buf_str(ret), &count, &not_after, &why))
    return cli_complain(err, "%s: %s", path, why.text);
  return true;
}

/* ---- printing ----------------------------------------------------------------------------------
 */

static bool print_yaml(json_t *const *documents, size_t count, FILE *out, FILE *err) {
  struct err why;
  CLEANUP_BUF struct buf text;
  buf_init(&text, SIZE_MAX / 2);
  for (size_t i = 0; i < count; i++) {
    if (!yaml_emit(documents[i], &text, &why))
      return cli_complain(err, "%s", why.text);
  }
  (void)fwrite(text.ptr, 1, text.len, out);
  return true;
}

static void print_json(json_t *const *documents, size_t count, FILE *out) {
  json_t *items = json_array();
  json_t *list = json_object();
  for (size_t i = 0; i < count; i++)
    json_array_append(items, documents[i]);
  json_object_set_new(list, "apiVersion", json_string("v1"));
  json_object_set_new(list, "kind", json_string("List"));
  json_object_set_new(list, "items", items);
  output_json_write(list, out);
  json_decref(list);
}

int cli_webhook_config(int argc, char **argv, FILE *out, FILE *err) {
  SG_CLEANUP(config_flags_done)
  struct config_flags flags = {
      .failure_policy = "Ignore", .name = "slicegate", .output = "yaml", .timeout_seconds = 3};
  struct webhook_options options = {0};
  enum flags_result result = read_flags(argc, argv, &flags, out, err);
  if (result != FLAGS_OK)
    return result == FLAGS_HELP_SHOWN ? EXIT_OK : EXIT_UNUSABLE;
  CLEANUP_BUF struct buf bundle = {0};
  if (!check_flags(&flags, &options, err) || !read_bundle(flags.ca_bundle, &bundle, err))
    return EXIT_UNUSABLE;
  CLEANUP_POLICY struct policy *policy = cli_load_policy(flags.policy, err);
  if (!policy)
    return EXIT_UNUSABLE;
  CLEANUP_FREE struct str *excluded = mem_zalloc((flags.excluded.count + 1) * sizeof(*excluded));
  for (size_t i = 0; i < flags.excluded.count; i++)
    excluded[i] = str_of(flags.excluded.items[i]);
  const struct strings list = {excluded, flags.excluded.count};
  options.excluded = &list;
  options.ca_bundle = buf_str(&bundle);

  json_t *documents[] = {webhook_validating(policy_get(policy), &options),
                         webhook_mutating(policy_get(policy), &options)};
  bool is_printed = true;
  if (strcmp(flags.output, "json") == 0)
    print_json(documents, SG_ARRAY_LEN(documents), out);
  else
    is_printed = print_yaml(documents, SG_ARRAY_LEN(documents), out, err);
  for (size_t i = 0; i < SG_ARRAY_LEN(documents); i++)
    json_decref(documents[i]);
  return is_printed ? EXIT_OK : EXIT_UNUSABLE;
}
