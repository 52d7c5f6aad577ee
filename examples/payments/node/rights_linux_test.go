package node

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
)

var update = flag.Bool("update", false, "write rights.md and reach.md")

// refusedRows are requests of the table that a reader may ask for.
var refusedRows = []string{
	"delete deployments.apps payment-provider",
	"patch deployments.apps/scale payment-provider",
	"patch deployments.apps/status payment-provider",
	"list deployments.apps",
	"create deployments.apps",
	"get deployments.apps antaeus",
	"patch deployments.apps antaeus",
	"patch deployments.apps payment-provider in default",
	"patch replicasets.apps payment-provider",
	"create pods",
	"list pods",
	"get pods/log payment-provider",
	"create pods/exec payment-provider",
	"get secrets payment-provider",
	"list configmaps",
	"create serviceaccounts/token antaeus",
	"patch networkpolicies.networking.k8s.io payment-provider",
	"delete networkpolicies.networking.k8s.io payment-provider",
	"patch roles.rbac.authorization.k8s.io payment-provider",
	"create rolebindings.rbac.authorization.k8s.io",
	"patch validatingadmissionpolicies.admissionregistration.k8s.io payment-provider",
	"create certificatesigningrequests.certificates.k8s.io",
	"get nodes antaeus",
}

// common are the rights of every user.
var common = []string{
	"create selfsubjectaccessreviews.authorization.k8s.io",
	"create selfsubjectreviews.authentication.k8s.io",
	"create selfsubjectrulesreviews.authorization.k8s.io",
}

// testRights tries every verb on every resource of the API server: as can-i says,
// and really.
func testRights(ctx context.Context, s *system, developer, colleague user) {
	list := attempts(resources(ctx, s.t, s.Cluster), []string{namespace, "default"}, []string{"antaeus", "payment-provider"})
	desired := append([]string{
		"get deployments.apps payment-provider",
		"list deployments.apps payment-provider",
		"watch deployments.apps payment-provider",
		"patch deployments.apps payment-provider",
		"update deployments.apps payment-provider",
	}, common...)
	for _, object := range []string{"", " antaeus", " payment-provider"} {
		for _, verb := range []string{"get", "list", "watch"} {
			if verb != "get" || object != "" {
				desired = append(desired, verb+" replicasets.apps"+object)
			}
		}
	}
	slices.Sort(desired)
	got := developer.rights(ctx, s.t, list)
	if !slices.Equal(got, desired) {
		s.t.Errorf("%s may\n%s\nwant\n%s", developer.name, strings.Join(got, "\n"), strings.Join(desired, "\n"))
	}
	s.say("of %d requests %s may send %d, and all others are refused", len(list), developer.name, len(got))

	// A colleague may do none of it.
	rows := slices.DeleteFunc(slices.Clone(list), func(a attempt) bool {
		return !slices.Contains(desired, a.String()) && !slices.Contains(refusedRows, a.String())
	})
	if got := colleague.rights(ctx, s.t, rows); !slices.Equal(got, common) {
		s.t.Errorf("%s may\n%s\nwant\n%s", colleague.name, strings.Join(got, "\n"), strings.Join(common, "\n"))
	}
	s.checkTable("rights.md", rightsTable(s, list, desired))
}

// rightsTable returns what users may do, for people.
func rightsTable(s *system, list []attempt, allowed []string) string {
	s.t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, `# What a developer may do

TestPayments makes this table (`+"`go test -run TestPayments . -args -update`"+`): it sends every verb on every resource of the
API server as a developer of the provider, in two namespaces, for objects named antaeus and payment-provider: %d
requests, each of them as a SelfSubjectAccessReview (can-i) and then really, with dryRun. Both agree for each. %d are
allowed, and all of these are below; of those that are refused there are some. A colleague, with a certificate of
the same cluster and without the group, may send only what every user may. The names of ReplicaSets have hashes, so
no Role can name those of one Deployment: kubectl rollout undo takes the right to read all of the namespace.

| request | developer | colleague |
|---|---|---|
`, len(list), len(allowed))
	for _, request := range allowed {
		colleague := "refused"
		if slices.Contains(common, request) {
			colleague = "allowed"
		}
		fmt.Fprintf(&text, "| %s | allowed | %s |\n", request, colleague)
	}
	for _, request := range refusedRows {
		if !slices.ContainsFunc(list, func(a attempt) bool { return a.String() == request }) {
			s.t.Errorf("the table has %q, which was not sent", request)
		}
		if slices.Contains(allowed, request) {
			s.t.Errorf("%q is allowed, and the table says that it is refused", request)
		}
		fmt.Fprintf(&text, "| %s | refused | refused |\n", request)
	}
	return text.String()
}

// checkTable compares a table with the one in a file, or writes it.
func (s *system) checkTable(path, text string) {
	s.t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	if old, err := os.ReadFile(path); err != nil || string(old) != text {
		s.t.Errorf("%s is out of date (%v): go test -run TestPayments . -args -update", path, err)
	}
}
