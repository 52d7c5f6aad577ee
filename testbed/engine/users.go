package engine

import (
	"context"
	"net/http"
)

// Kinds of authorization and of resources, by their numbers in the REST API.
const (
	grant = 1

	processDefinitions = 6
	processInstances   = 8
	deployments        = 9
)

// createRestricted creates the user Restricted, unless it is there.
func (e *Engine) createRestricted(ctx context.Context) error {
	var found struct{ Count int }
	if err := e.request(ctx, Admin, http.MethodGet, "/user/count?id="+Restricted.Name, nil, &found); err != nil {
		return err
	}
	if found.Count > 0 {
		return nil
	}
	user := map[string]any{
		"profile":     map[string]string{"id": Restricted.Name, "firstName": "No", "lastName": "History", "email": ""},
		"credentials": map[string]string{"password": Restricted.Password},
	}
	if err := e.request(ctx, Admin, http.MethodPost, "/user/create", user, nil); err != nil {
		return err
	}
	for resource, permissions := range map[int][]string{
		processDefinitions: {"READ", "CREATE_INSTANCE", "READ_INSTANCE"},
		processInstances:   {"CREATE", "READ"},
		deployments:        {"CREATE", "READ"},
	} {
		authorization := map[string]any{
			"type": grant, "userId": Restricted.Name, "resourceType": resource, "resourceId": "*", "permissions": permissions,
		}
		if err := e.request(ctx, Admin, http.MethodPost, "/authorization/create", authorization, nil); err != nil {
			return err
		}
	}
	return nil
}
