// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"fmt"
	"net/http"
)

// Apply applies manifest files, or all in a folder, as the admin.
func (c *ControlPlane) Apply(ctx context.Context, paths ...string) error {
	args := []string{"apply"}
	for _, path := range paths {
		args = append(args, "-f", path)
	}
	_, err := MustSucceed(c.Kubectl(ctx, args...))
	return err
}

// ServiceAccount makes a ServiceAccount, with its namespace, unless it is there, applies the manifests that give it its
// rights, and returns the text of a kubeconfig with a token for it, which outlasts any run: what a pod under that account could
// do, and no more.
func (c *ControlPlane) ServiceAccount(ctx context.Context, namespace, name string, manifests ...string) (string, error) {
	if err := c.CreateNamespace(ctx, namespace); err != nil {
		return "", err
	}
	path := "/api/v1/namespaces/" + namespace + "/serviceaccounts"
	err := c.API.Call(ctx, http.MethodPost, path, map[string]any{
		"apiVersion": "v1", "kind": "ServiceAccount", "metadata": map[string]any{"name": name},
	}, nil)
	if err != nil && !IsStatus(err, http.StatusConflict) {
		return "", err
	}
	if len(manifests) > 0 {
		if err := c.Apply(ctx, manifests...); err != nil {
			return "", err
		}
	}
	var review struct {
		Status struct{ Token string }
	}
	err = c.API.Call(ctx, http.MethodPost, path+"/"+name+"/token", map[string]any{
		"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": map[string]any{"expirationSeconds": 24 * 3600},
	}, &review)
	if err != nil {
		return "", err
	}
	if review.Status.Token == "" {
		return "", fmt.Errorf("the token of service account %s/%s is empty", namespace, name)
	}
	return c.KubeconfigFor("system:serviceaccount:"+namespace+":"+name, review.Status.Token)
}
