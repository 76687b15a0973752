// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
)

// Of a Node: what service accounts ask kube-apiserver for, as it writes it down itself.
const accountsAuditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: Metadata, userGroups: ["system:serviceaccounts"]}
- {level: None}
`

// AuditedRequest is one request for an object or several; a watch is there from its beginning on.
type AuditedRequest struct {
	User                                                string
	Verb, Group, Resource, Subresource, Namespace, Name string
	Status                                              int
}

// Requests are those of service accounts until now.
func (n *Node) Requests() ([]AuditedRequest, error) {
	text, err := os.ReadFile(n.AuditLog)
	if err != nil {
		return nil, err
	}
	text = text[:bytes.LastIndexByte(text, '\n')+1] // what is being written now is left out
	var requests []AuditedRequest
	for line := range bytes.Lines(text) {
		var event struct {
			Verb           string
			User           struct{ Username string }
			ObjectRef      *struct{ Resource, Subresource, Namespace, Name, APIGroup string }
			ResponseStatus struct{ Code int }
		}
		if err := json.Unmarshal(line, &event); err != nil {
			return nil, fmt.Errorf("audit.log: %w", err)
		}
		if ref := event.ObjectRef; ref != nil {
			requests = append(requests, AuditedRequest{
				User: event.User.Username, Verb: event.Verb, Group: ref.APIGroup, Resource: ref.Resource,
				Subresource: ref.Subresource, Namespace: ref.Namespace, Name: ref.Name, Status: event.ResponseStatus.Code,
			})
		}
	}
	return requests, nil
}
