/* SPDX-License-Identifier: Apache-2.0 */
/* `slicegate certs issue`. */
#include "src/cli/cli_internal.h"

#include "slicegate/certs.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static int issue(int argc, char **argv, FILE *out, FILE *err) {
  const char *dir = NULL;
  const char *client = NULL;
  CLEANUP_FLAG_LIST struct flag_list dns = {0};
  CLEANUP_FLAG_LIST struct flag_list ips = {0};
  int64_t days = 0, ca_days = 0; /* 0: not given */
  bool force = false, reuse_ca = false;
  const struct flag flags[] = {
      {"dir", 0, FLAG_STRING, "DIR",
       "Directory for ca.crt, ca.key, tls.crt and tls.key (client.crt and client.key with "
       "--client); made when it is not there. Keys get mode 0600.",
       &dir, 0, 0},
      {"dns", 0, FLAG_LIST, "NAME",
       "A DNS name that clients call: SERVICE.NAMESPACE.svc for a webhook. Repeatable.", &dns, 0,
       0},
      {"ip", 0, FLAG_LIST, "ADDRESS", "An IP address that clients call. Repeatable.", &ips, 0, 0},
      {"client", 0, FLAG_STRING, "NAME",
       "A certificate for a client of this name instead, such as kube-scheduler, for a server "
       "that asks its clients for one.",
       &client, 0, 0},
      {"days", 0, FLAG_INT, "N",
       "Validity of the certificate, which must not end after the CA's. Default: 365, or as long "
       "as the CA is valid.",
       &days, 1, CERTS_DAYS_MAX},
      {"ca-days", 0, FLAG_INT, "N", "Validity of the CA. Default: 3650.", &ca_days, 1,
       CERTS_DAYS_MAX},
      {"reuse-ca", 0, FLAG_BOOL, NULL,
       "Sign with the CA that is in the directory and write only the certificate and its key: "
       "whoever trusts that CA goes on without a change.",
       &reuse_ca, 0, 0},
      {"force", 0, FLAG_BOOL, NULL, "Replace files that exist.", &force, 0, 0},
  };
  static const struct command_help help = {
      .usage = "slicegate certs issue --dir DIR ((--dns NAME | --ip ADDRESS)... | --client NAME) "
               "[flags]",
      .summary = "Issues a CA and a certificate of a server or a client (ECDSA P-256). All files "
                 "are written, or none; files that exist are never overwritten without --force.",
      .examples = "slicegate certs issue --dir certs --dns slicegate.gpu.svc\n"
                  "slicegate certs issue --dir certs --dns slicegate.gpu.svc --reuse-ca --force\n"
                  "slicegate certs issue --dir certs --client kube-scheduler --reuse-ca"};
  enum flags_result result =
      flags_parse(argc, argv, flags, SG_ARRAY_LEN(flags), &help, NULL, out, err);
  if (result != FLAGS_OK)
    return result == FLAGS_HELP_SHOWN ? EXIT_OK : EXIT_UNUSABLE;
  if (!dir || (dns.count + ips.count == 0) == !client) {
    (void)fprintf(err, "slicegate: certs issue needs --dir DIR and either at least one --dns NAME "
                       "or --ip ADDRESS, or --client NAME\n");
    return EXIT_UNUSABLE;
  }
  const struct certs_request request = {.dir = dir,
                                        .dns_names = dns.items,
                                        .dns_count = dns.count,
                                        .ips = ips.items,
                                        .ip_count = ips.count,
                                        .client_name = client,
                                        .ca_days = (int)ca_days,
                                        .leaf_days = (int)days,
                                        .reuse_ca = reuse_ca,
                                        .force = force};
  struct err error;
  bool is_made = mkdir(dir, 0755) == 0;
  if (!is_made && errno != EEXIST) {
    (void)fprintf(err, "slicegate: %s: cannot make this directory: %s\n", dir, strerror(errno));
    return EXIT_UNUSABLE;
  }
  if (!certs_issue(&request, &error)) {
    if (is_made)
      (void)rmdir(dir);
    (void)fprintf(err, "slicegate: %s%s\n", error.text,
                  error.code != ERR_EXISTS ? ""
                  : client && !reuse_ca ? "; --reuse-ca signs with the CA that is there, --force "
                                          "replaces all"
                                        : "; --force replaces it");
    return EXIT_UNUSABLE;
  }
  const char *name = client ? "client" : "tls";
  (void)fprintf(out, "wrote %s%s.crt and %s.key to %s\n", reuse_ca ? "" : "ca.crt, ca.key, ", name,
                name, dir);
  return EXIT_OK;
}

int cli_certs(int argc, char **argv, FILE *out, FILE *err) {
  if (argc > 1 && strcmp(argv[1], "issue") == 0)
    return issue(argc - 1, argv + 1, out, err);
  bool wants_help = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
  FILE *to = wants_help ? out : err;
  if (argc > 1 && !wants_help)
    (void)fprintf(err, "slicegate: unknown command \"certs %s\"\n", argv[1]);
  (void)fputs("Usage: slicegate certs issue --dir DIR ((--dns NAME | --ip ADDRESS)... | --client "
              "NAME) [flags]\n\n"
              "  issue   a CA and a certificate of a server or a client; `slicegate certs issue "
              "--help`\n",
              to);
  return wants_help ? EXIT_OK : EXIT_UNUSABLE;
}
