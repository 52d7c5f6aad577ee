package web

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"strings"

	"github.com/prometheus/exporter-toolkit/web"
)

// Page is what a program shows at /: what it is, its state, and its links. It
// needs no JavaScript, loads nothing, and escapes everything.
type Page struct {
	Name        string // as on the command line, e.g. camunda-exporter
	Description string
	Version     string
	Links       []web.LandingLinks // besides metrics and health
	State       func() []Detail    // what is known now; may be nil
}

// Detail is one line of a program's state.
type Detail struct {
	Name  string
	Value string
	Note  string // what it means or what to do; may be empty
	Bad   bool   // whether it needs attention
}

//go:embed page.css
var pageStyle string

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"style": func() template.CSS { return template.CSS(pageStyle) },
	// Relative addresses work behind a proxy that adds a prefix.
	"relative": func(address string) string { return strings.TrimPrefix(address, "/") },
}).Parse(pageText))

// securityPolicy allows the page's own style and nothing else.
func securityPolicy() string {
	hash := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

func (p Page) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	var details []Detail
	if p.State != nil {
		details = p.State()
	}
	var page bytes.Buffer
	if err := pageTemplate.Execute(&page, struct {
		Page
		Details []Detail
	}{p, details}); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", securityPolicy())
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(page.Bytes()) // the client may have gone
}
