/* SPDX-License-Identifier: Apache-2.0 */
/* What an API server says. */
#ifndef SLICEGATE_TESTS_KUBE_TEXTS_H
#define SLICEGATE_TESTS_KUBE_TEXTS_H

#define OBJECT(name, version)                                                                      \
  "{\"metadata\":{\"name\":\"" name "\",\"resourceVersion\":\"" version "\"}}"
#define EVENT(type, name, version) "{\"type\":\"" type "\",\"object\":" OBJECT(name, version) "}\n"
#define BOOKMARK(version)                                                                          \
  "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\",\"metadata\":{\"resourceVersion\":"         \
  "\"" version "\"}}}\n"
#define INITIAL_END(version)                                                                       \
  "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\",\"metadata\":{\"resourceVersion\":"         \
  "\"" version "\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}}\n"
#define LIST(version, more, items)                                                                 \
  "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"" version       \
  "\"" more "},\"items\":[" items "]}\n"
#define STATUS(code, reason, message)                                                              \
  "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":" \
  "\"" message "\",\"reason\":\"" reason "\",\"code\":" #code "}\n"
#define ERROR_EVENT(code, reason, message)                                                         \
  "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"message\":\"" message                     \
  "\",\"reason\":\"" reason "\",\"code\":" #code "}}\n"

#endif
