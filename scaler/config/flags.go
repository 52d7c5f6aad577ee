package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kingpin/v2"
	commoncfg "github.com/prometheus/common/config"
	"go.yaml.in/yaml/v3"
)

// Flags describe one target without a file. They are read as a file with these
// values would be.
type Flags struct {
	cmd  *kingpin.CmdClause
	keys []key             // that have a flag
	set  map[string]string // what was given, by flag
}

// AddFlags adds a flag for every key that has one.
func AddFlags(cmd *kingpin.CmdClause) *Flags {
	f := &Flags{cmd: cmd, set: map[string]string{}}
	for _, k := range keysOf(reflect.TypeFor[file](), "") {
		if k.flag == "" {
			continue
		}
		f.keys = append(f.keys, k)
		help := k.plain()
		if k.otherwise != "" {
			help += " Default: " + strings.NewReplacer("{", "", "}", "").Replace(k.otherwise) + "."
		}
		clause := cmd.Flag(k.flag, help)
		clause.SetValue(flagValue{f, k})
		if k.def != "" {
			clause.PlaceHolder(strconv.Quote(k.def))
		}
	}
	return f
}

// flagValue notes what is given for a flag; Config reads it.
type flagValue struct {
	flags *Flags
	key   key
}

func (v flagValue) Set(text string) error { v.flags.set[v.key.flag] = text; return nil }
func (v flagValue) String() string        { return "" }
func (v flagValue) IsBoolFlag() bool      { return v.key.of.Kind() == reflect.Bool }

// Given lists the flags that were given, an environment variable by its name.
func (f *Flags) Given() (names []string) {
	for _, k := range f.keys {
		text, ok := f.set[k.flag]
		if !ok {
			continue
		}
		name := "--" + k.flag
		if env := f.cmd.GetFlag(k.flag).Model().Envar; env != "" && text != "" && os.Getenv(env) == text {
			name = env
		}
		names = append(names, name)
	}
	return names
}

// Config reads the flags. The error has a line for everything that is wrong,
// each starting with its flag.
func (f *Flags) Config() (Config, error) {
	target := &yaml.Node{Kind: yaml.MappingNode}
	root := &yaml.Node{Kind: yaml.MappingNode}
	put(root, []string{"targets"}, &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{target}})
	httpFile := ""
	for _, k := range f.keys {
		text, ok := f.set[k.flag]
		if !ok {
			continue
		}
		node := scalarNode(text, k.of)
		if k.of == reflect.TypeFor[commoncfg.HTTPClientConfig]() {
			httpFile = text
			var err error
			if node, err = readOptions(text); err != nil {
				return Config{}, fmt.Errorf("--%s: %w", k.flag, err)
			}
		}
		if under, ok := strings.CutPrefix(k.path, "targets[]."); ok {
			put(target, strings.Split(under, "."), node)
		} else {
			put(root, strings.Split(k.path, "."), node)
		}
	}

	var read file
	doc := newDocument()
	v := reflect.ValueOf(&read).Elem()
	doc.setDefaults(v)
	doc.value(root, v, nil)
	var c Config
	if doc.ok() {
		c = read.compile(doc)
	}
	if !doc.ok() {
		return Config{}, f.err(doc, httpFile)
	}
	if httpFile != "" {
		c.setDirectory(filepath.Dir(httpFile))
	}
	return c, nil
}

// readOptions returns the content of a file with HTTP options.
func readOptions(path string) (*yaml.Node, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read Prometheus's HTTP options: %w", err)
	}
	doc := newDocument()
	root := doc.root(text)
	switch {
	case !doc.ok():
		return nil, doc.err(path)
	case root == nil: // an empty file
		return &yaml.Node{Kind: yaml.MappingNode}, nil
	}
	return root, nil
}

// scalarNode is the text of a flag as a file would have it, in quotes if it is
// to be text.
func scalarNode(text string, of reflect.Type) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: text}
	if n.Tag = n.ShortTag(); of.Kind() == reflect.String {
		n.Tag = "!!str"
	}
	return n
}

// put puts a node into a mapping, below the keys.
func put(in *yaml.Node, keys []string, n *yaml.Node) {
	if len(keys) == 1 {
		in.Content = append(in.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: keys[0]}, n)
		return
	}
	for i := 0; i+1 < len(in.Content); i += 2 {
		if in.Content[i].Value == keys[0] {
			put(in.Content[i+1], keys[1:], n)
			return
		}
	}
	under := &yaml.Node{Kind: yaml.MappingNode}
	put(in, keys[:1], under)
	put(under, keys[1:], n)
}

// err names the flag of what is wrong or, in the file with HTTP options, the
// line.
func (f *Flags) err(doc *document, httpFile string) error {
	flags := map[string]string{}
	for _, k := range f.keys {
		flags[dotted(strings.Split(strings.ReplaceAll(k.path, "[]", ".0"), "."))] = "--" + k.flag + ": "
	}
	options := []string{"prometheus", "http_client"}
	var errs []error
	for _, r := range doc.faults {
		if httpFile != "" && len(r.path) >= len(options) && slices.Equal(r.path[:len(options)], options) {
			r.path = r.path[len(options):]
			errs = append(errs, errors.New(lines(httpFile, []remark{r})[0]))
			continue
		}
		at := dotted(r.path)
		if flag, ok := flags[at]; ok {
			at = flag
		}
		errs = append(errs, errors.New(at+r.text))
	}
	return errors.Join(errs...)
}
