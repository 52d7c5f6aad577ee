package kube

import "fmt"

// Site is where a control plane runs, if not on this machine's loopback: in a
// network of its own, which it shares with real nodes.
type Site struct {
	Enter   []string             // the command that runs the command after it there
	Address string               // what nodes and Pods call the API server by
	Forward func(port int) error // leads a port of this machine's loopback to the same one there
}

// reach makes the site's loopback answer on this machine's, so that URL and
// kubeconfigs are the same in both places.
func (c *Cluster) reach() error {
	if c.site.Forward == nil {
		return nil
	}
	for _, port := range []int{c.apiServerPort, c.etcdPort, c.controllerPort, c.schedulerPort} {
		if err := c.site.Forward(port); err != nil {
			return fmt.Errorf("forwarding port %d: %w", port, err)
		}
	}
	// With this certificate the API server asks kubelets for logs.
	p, err := c.authority.client("kube-apiserver", []string{"system:masters"})
	if err != nil {
		return err
	}
	return c.authority.write("kubelet-client", p)
}

// siteFlags are the API server's flags that depend on where it runs.
func (c *Cluster) siteFlags() []string {
	if c.site.Address == "" {
		return []string{
			"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1",
			"--endpoint-reconciler-type=none", // Endpoints on loopback are refused
		}
	}
	pki := c.authority.path
	return []string{
		"--bind-address=0.0.0.0", "--advertise-address=" + c.site.Address,
		"--allow-privileged",
		"--kubelet-client-certificate=" + pki("kubelet-client.crt"), "--kubelet-client-key=" + pki("kubelet-client.key"),
		"--kubelet-preferred-address-types=InternalIP",
	}
}

// CertificateAuthority returns the path of the certificate that has signed
// all others of the cluster.
func (c *Cluster) CertificateAuthority() string { return c.authority.path("ca.crt") }
