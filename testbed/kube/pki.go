package kube

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/camunda-autoscaler/camunda-autoscaler/testbed/ports"
)

// frontProxy is the user as which the API server asks those behind it.
const frontProxy = "front-proxy-client"

// authority is the cluster's certificate authority.
type authority struct {
	folder      string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// pair is a certificate and its key, both in PEM.
type pair struct{ certificate, key []byte }

// newAuthority creates a certificate authority and the files that the
// components read: ca.crt, ca.key, apiserver.crt, apiserver.key, those of the
// front proxy,
// service-account.key and service-account.pub.
//
// The API server is known by its address too, if that is not "".
func newAuthority(folder, address string) (*authority, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := newTemplate("testbed-ca", nil)
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	a := &authority{folder: folder, key: key}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	keyPEM, err := privatePEM(key)
	if err != nil {
		return nil, err
	}
	if err := a.write("ca", pair{certificatePEM(der), keyPEM}); err != nil {
		return nil, err
	}
	server := newTemplate("kube-apiserver", nil)
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	server.IPAddresses = []net.IP{net.ParseIP(ports.Host), net.ParseIP(firstServiceIP)}
	server.DNSNames = []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"}
	if address != "" {
		server.IPAddresses = append(server.IPAddresses, net.ParseIP(address))
	}
	issued, err := a.issue(server)
	if err != nil {
		return nil, err
	}
	if err := a.write("apiserver", issued); err != nil {
		return nil, err
	}
	if issued, err = a.client(frontProxy, nil); err != nil {
		return nil, err
	}
	if err := a.write(frontProxy, issued); err != nil {
		return nil, err
	}
	return a, a.writeServiceAccountKey()
}

// WriteCertificate writes ca.crt, and tls.crt and tls.key of a program that
// serves on loopback and is a client of another such program.
func (c *Cluster) WriteCertificate(folder string) error {
	template := newTemplate("testbed", nil)
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	template.IPAddresses = []net.IP{net.ParseIP(ports.Host)}
	issued, err := c.authority.issue(template)
	if err != nil {
		return err
	}
	files := map[string][]byte{"ca.crt": certificatePEM(c.authority.certificate.Raw), "tls.crt": issued.certificate, "tls.key": issued.key}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// client issues a certificate with which its holder is a user of the cluster.
func (a *authority) client(user string, groups []string) (pair, error) {
	template := newTemplate(user, groups)
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return a.issue(template)
}

func (a *authority) issue(template *x509.Certificate) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return pair{}, fmt.Errorf("issuing a certificate for %s: %w", template.Subject.CommonName, err)
	}
	keyPEM, err := privatePEM(key)
	return pair{certificatePEM(der), keyPEM}, err
}

// writeServiceAccountKey writes the key that signs the ServiceAccounts' tokens.
func (a *authority) writeServiceAccountKey() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	private, err := privatePEM(key)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	if err := os.WriteFile(a.path("service-account.key"), private, 0o600); err != nil {
		return err
	}
	return os.WriteFile(a.path("service-account.pub"), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), 0o600)
}

func (a *authority) path(file string) string { return filepath.Join(a.folder, file) }

func (a *authority) write(name string, p pair) error {
	if err := os.WriteFile(a.path(name+".crt"), p.certificate, 0o600); err != nil {
		return err
	}
	return os.WriteFile(a.path(name+".key"), p.key, 0o600)
}

// newTemplate holds what all certificates share. Kubernetes takes a client's
// user from the common name and its groups from the organizations.
func newTemplate(name string, groups []string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)) // never fails, see crypto/rand
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name, Organization: groups},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(1, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

func certificatePEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func privatePEM(key crypto.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
