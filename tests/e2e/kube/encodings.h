/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects as a watch tells them, from protobuf, and as the server writes them in JSON: what is
 * read of either must be the same. Where it is not, a field is read that src/kube/proto_objects.c
 * does not have.
 */
#ifndef SLICEGATE_TESTS_E2E_ENCODINGS_H
#define SLICEGATE_TESTS_E2E_ENCODINGS_H

#include "slicegate/kube.h"

/* Makes objects, in a namespace that is there and on the node kube-live, which is there, too. Says
 * on stderr what differs. */
bool encodings_agree(struct kube_client *client, struct str namespace, struct err *reterr);

#endif
