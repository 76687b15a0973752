/* SPDX-License-Identifier: Apache-2.0 */
/* ExecCredential: what a plugin is told, and what it answers. */
#include "kube_internal.h"

static const struct doc_limits reply_limits = {KUBE_SECRET_MAX_BYTES, 32, 10000};

static const char *const versions[] = {
    [EXEC_V1] = "client.authentication.k8s.io/v1",
    [EXEC_V1BETA1] = "client.authentication.k8s.io/v1beta1",
};

static void write_cluster(const struct kube_config *config, struct str ca_pem, struct buf *out) {
  buf_append_cstr(out, ",\"cluster\":{\"server\":");
  kube_json_string(out, config->server);
  if (config->tls_server_name) {
    buf_append_cstr(out, ",\"tls-server-name\":");
    kube_json_string(out, str_of(config->tls_server_name));
  }
  if (config->skip_tls_verify)
    buf_append_cstr(out, ",\"insecure-skip-tls-verify\":true");
  if (config->proxy_url) {
    buf_append_cstr(out, ",\"proxy-url\":");
    kube_json_string(out, str_of(config->proxy_url));
  }
  if (ca_pem.len > 0) {
    buf_append_cstr(out, ",\"certificate-authority-data\":\"");
    buf_append_base64(out, ca_pem);
    buf_append_char(out, '"');
  }
  buf_append_cstr(out, ",\"config\":null}");
}

void exec_write_info(const struct kube_config *config, struct str ca_pem, struct buf *out) {
  buf_printf(out, "{\"kind\":\"ExecCredential\",\"apiVersion\":\"%s\",\"spec\":{",
             versions[config->exec->version]);
  buf_append_cstr(out, "\"interactive\":false");
  if (config->exec->wants_cluster)
    write_cluster(config, ca_pem, out);
  buf_append_cstr(out, "}}");
}

static bool read_expiry(const struct doc_node *status, int64_t *ret, struct err *reterr) {
  const struct doc_node *node = doc_get_lit(status, "expirationTimestamp");
  *ret = INT64_MAX;
  if (!node || doc_is(node, DOC_NULL))
    return true;
  if (!rfc3339_parse(doc_text(node), ret))
    return err_set(reterr, ERR_INVALID, "status.expirationTimestamp: \"%.*s\" is no time",
                   STR_FMT(doc_text(node)));
  return true;
}

bool exec_read_reply(struct arena *arena, enum exec_version version, struct str text,
                     struct exec_reply *ret, struct err *reterr) {
  const struct doc_node *root;
  if (!doc_parse_json(arena, text, &reply_limits, &root, reterr))
    return err_wrap(reterr, "its answer is no JSON");
  if (!str_is(doc_text_at(root, "kind"), "ExecCredential") ||
      !str_is(doc_text_at(root, "apiVersion"), versions[version]))
    return err_set(reterr, ERR_INVALID, "its answer is no ExecCredential of %s", versions[version]);
  const struct doc_node *status = doc_get_lit(root, "status");
  *ret = (struct exec_reply){
      .token = doc_text_at(status, "token"),
      .cert_pem = doc_text_at(status, "clientCertificateData"),
      .key_pem = doc_text_at(status, "clientKeyData"),
  };
  if ((ret->cert_pem.len > 0) != (ret->key_pem.len > 0))
    return err_set(reterr, ERR_INVALID,
                   "status: clientCertificateData and clientKeyData belong together");
  if (ret->token.len == 0 && ret->cert_pem.len == 0)
    return err_set(reterr, ERR_INVALID, "status: has neither a token nor a certificate");
  return read_expiry(status, &ret->expires_seconds, reterr);
}
