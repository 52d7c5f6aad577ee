package node

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/kube"
)

// resource is one that the API server has, subresources included.
type resource struct {
	group, version, name, subresource string
	namespaced                        bool
	verbs                             []string
}

func (r resource) String() string {
	name := r.name
	if r.group != "" {
		name += "." + r.group
	}
	if r.subresource != "" {
		name += "/" + r.subresource
	}
	return name
}

// resources returns all that the API server has, of the preferred versions.
func resources(ctx context.Context, t *testing.T, c *kube.Cluster) []resource {
	t.Helper()
	var groups struct {
		Groups []struct{ PreferredVersion struct{ GroupVersion string } }
	}
	if err := c.Request(ctx, http.MethodGet, "/apis", nil, &groups); err != nil {
		t.Fatal(err)
	}
	var all []resource
	versions := []string{"v1"}
	for _, g := range groups.Groups {
		versions = append(versions, g.PreferredVersion.GroupVersion)
	}
	for _, gv := range versions {
		var list struct {
			Resources []struct {
				Name       string
				Namespaced bool
				Verbs      []string
			}
		}
		if err := c.Request(ctx, http.MethodGet, root(gv), nil, &list); err != nil {
			t.Fatal(err)
		}
		for _, r := range list.Resources {
			group, version, found := strings.Cut(gv, "/")
			if !found {
				group, version = "", gv
			}
			name, sub, _ := strings.Cut(r.Name, "/")
			all = append(all, resource{group, version, name, sub, r.Namespaced, r.Verbs})
		}
	}
	return all
}

func root(groupVersion string) string {
	if groupVersion == "v1" {
		return "/api/v1"
	}
	return "/apis/" + groupVersion
}

// attempt is one verb on one resource.
type attempt struct {
	resource
	verb, namespace, object string // object is "" for all and for new ones
}

func (a attempt) String() string {
	text := a.verb + " " + a.resource.String()
	if a.object != "" {
		text += " " + a.object
	}
	if a.namespaced && a.namespace != namespace {
		text += " in " + a.namespace
	}
	return text
}

// attempts returns every verb on every resource, for the objects of some names.
func attempts(all []resource, namespaces, objects []string) []attempt {
	var list []attempt
	for _, r := range all {
		in := namespaces
		if !r.namespaced {
			in = []string{""}
		}
		for _, verb := range r.verbs {
			for _, namespace := range in {
				if r.subresource == "" && slices.Contains([]string{"list", "watch", "create", "deletecollection"}, verb) {
					list = append(list, attempt{r, verb, namespace, ""})
				}
				if r.subresource == "" && (verb == "create" || verb == "deletecollection") {
					continue
				}
				for _, object := range objects {
					list = append(list, attempt{r, verb, namespace, object})
				}
			}
		}
	}
	return list
}

var methods = map[string]string{
	"get": http.MethodGet, "list": http.MethodGet, "watch": http.MethodGet, "create": http.MethodPost, "update": http.MethodPut,
	"patch": http.MethodPatch, "delete": http.MethodDelete, "deletecollection": http.MethodDelete,
}

// allowed asks the API server whether the user may, and does it: both have to
// agree. What would be changed is not (dryRun), and is refused for its contents only
// after the user's rights were checked.
func (u user) allowed(ctx context.Context, a attempt) (bool, error) {
	review := object{
		"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
		"spec": object{"resourceAttributes": object{
			"namespace": a.namespace, "verb": a.verb, "group": a.group, "version": a.version,
			"resource": a.name, "subresource": a.subresource, "name": a.object,
		}},
	}
	var answer struct{ Status struct{ Allowed bool } }
	if status, err := u.send(ctx, http.MethodPost, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review, &answer); err != nil || status != http.StatusCreated {
		return false, fmt.Errorf("%s: a SelfSubjectAccessReview ends with %d: %w", a, status, err)
	}
	status, err := u.send(ctx, methods[a.verb], a.path(), object{}, nil)
	if err != nil {
		return false, fmt.Errorf("%s: %w", a, err)
	}
	if done := status != http.StatusForbidden; done != answer.Status.Allowed {
		return false, fmt.Errorf("%s: can-i says %t, and the request ends with %d", a, answer.Status.Allowed, status)
	}
	return answer.Status.Allowed, nil
}

func (a attempt) path() string {
	groupVersion := a.version
	if a.group != "" {
		groupVersion = a.group + "/" + a.version
	}
	path := root(groupVersion)
	if a.namespaced {
		path += "/namespaces/" + a.namespace
	}
	path += "/" + a.name
	query := url.Values{}
	switch a.verb {
	case "list", "watch":
		if a.object != "" {
			query.Set("fieldSelector", "metadata.name="+a.object)
		}
		if a.verb == "watch" {
			query.Set("watch", "true")
			query.Set("timeoutSeconds", "1")
		}
		return path + "?" + query.Encode()
	case "get":
	default:
		query.Set("dryRun", "All")
	}
	for _, part := range []string{a.object, a.subresource} {
		if part != "" {
			path += "/" + part
		}
	}
	return path + "?" + query.Encode()
}

// rights returns all that the user may do.
func (u user) rights(ctx context.Context, t *testing.T, list []attempt) []string {
	t.Helper()
	may := make([]bool, len(list))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i, a := range list {
		group.Go(func() (err error) {
			may[i], err = u.allowed(ctx, a)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatalf("%s: %v", u.name, err)
	}
	var all []string
	for i, a := range list {
		if may[i] {
			all = append(all, a.String())
		}
	}
	slices.Sort(all)
	return all
}
