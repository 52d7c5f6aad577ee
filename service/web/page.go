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
	Instead     http.Handler       // of this page, for a program that has one of its own; may be nil
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

// WritePage writes a page that is made of trusted HTML with one style element of
// that content. The browser is told to run and to load nothing; forms may go to
// formAction: 'none' or 'self'.
func WritePage(w http.ResponseWriter, code int, page []byte, style, formAction string) {
	hash := sha256.Sum256([]byte(style))
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(hash[:])+
		"'; base-uri 'none'; form-action "+formAction+"; frame-ancestors 'none'")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = w.Write(page) // the client may have gone
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
	WritePage(w, http.StatusOK, page.Bytes(), pageStyle, "'none'")
}
