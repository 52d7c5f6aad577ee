package node

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/kube"
)

type object = map[string]any

// user is a person with a client certificate, which the cluster has signed. RBAC
// decides what this person may do.
type user struct {
	name       string
	kubeconfig string
	url        string
	client     *http.Client
}

// newUser does what an administrator does for a new colleague: approve the request
// for a certificate.
func newUser(ctx context.Context, t *testing.T, c *kube.Cluster, name string, groups ...string) user {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: name, Organization: groups}}, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := sign(ctx, t, c, name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: request}))
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	authority, err := os.ReadFile(c.CertificateAuthority())
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(certificate, private)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	text, err := json.Marshal(object{
		"apiVersion": "v1", "kind": "Config", "current-context": "it",
		"clusters": []object{{"name": "it", "cluster": object{"server": c.URL, "certificate-authority-data": authority}}},
		"users":    []object{{"name": name, "user": object{"client-certificate-data": certificate, "client-key-data": private}}},
		"contexts": []object{{"name": "it", "context": object{"cluster": "it", "user": name, "namespace": namespace}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(kubeconfig, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return user{name: name, kubeconfig: kubeconfig, url: c.URL, client: &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}, MaxIdleConnsPerHost: 8,
	}}}
}

// sign has the cluster sign a request for a client certificate.
func sign(ctx context.Context, t *testing.T, c *kube.Cluster, name string, request []byte) []byte {
	t.Helper()
	const path = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
	signing := object{
		"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": object{"name": name},
		"spec": object{
			"request": request, "signerName": "kubernetes.io/kube-apiserver-client",
			"usages": []string{"client auth"}, "expirationSeconds": 3600,
		},
	}
	if err := c.Request(ctx, http.MethodPost, path, signing, &signing); err != nil {
		t.Fatal(err)
	}
	signing["status"] = object{"conditions": []object{{
		"type": "Approved", "status": "True", "reason": "NewColleague", "message": "known in person",
	}}}
	if err := c.Request(ctx, http.MethodPut, path+"/"+name+"/approval", signing, nil); err != nil {
		t.Fatal(err)
	}
	var signed struct{ Status struct{ Certificate []byte } }
	within(ctx, t, 30*time.Second, "the certificate of "+name, func() error {
		err := c.Request(ctx, http.MethodGet, path+"/"+name, nil, &signed)
		if err == nil && len(signed.Status.Certificate) == 0 {
			err = errors.New("not signed yet")
		}
		return err
	})
	return signed.Status.Certificate
}

// send sends a request as the user, decodes an answer of 2xx into result, unless
// that is nil, and returns the status.
func (u user) send(ctx context.Context, method, path string, body, result any) (int, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, err
	}
	request, err := http.NewRequestWithContext(ctx, method, u.url+path, bytes.NewReader(text))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	if method == http.MethodPatch {
		request.Header.Set("Content-Type", "application/merge-patch+json")
	}
	response, err := u.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	text, err = io.ReadAll(response.Body)
	if err == nil && response.StatusCode/100 == 2 && result != nil {
		err = json.Unmarshal(text, result)
	}
	if err != nil {
		err = fmt.Errorf("%s %s: %w", method, path, err)
	}
	return response.StatusCode, err
}

// within waits until try succeeds.
func within(ctx context.Context, t *testing.T, limit time.Duration, what string, try func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for err := try(); err != nil; err = try() {
		if ctx.Err() != nil || time.Now().After(deadline) {
			t.Fatalf("after %s, %s: %v", limit, what, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
