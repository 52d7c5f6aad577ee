// Package image makes container images out of files, without a registry and
// without an engine.
package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/compression"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Image says what an image is made of.
type Image struct {
	Name string // with registry and tag
	Base string // tar of a root file system, or none

	// Files are files and folders on this machine by their path in the image.
	// Their owner is Owner, or root.
	Files map[string]string
	Owner int

	// Folders are empty folders of Owner.
	Folders []string

	Entrypoint, Command []string
	Env                 []string
	User, WorkingDir    string
}

// Repository returns the repository of an image's name in full, so that the
// ways to write it can be compared: postgres is index.docker.io/library/postgres.
func Repository(image string) (string, error) {
	ref, err := name.ParseReference(image)
	if err != nil {
		return "", err
	}
	return ref.Context().Name(), nil
}

// Write writes images as one archive in Docker's format. Bases that several
// images share are in it once.
func Write(w io.Writer, images ...Image) error {
	bases := map[string]v1.Layer{}
	all := map[name.Tag]v1.Image{}
	for _, i := range images {
		tag, err := name.NewTag(i.Name)
		if err != nil {
			return err
		}
		if i.Base != "" && bases[i.Base] == nil {
			// The default compresses, which takes longer than everything else.
			if bases[i.Base], err = tarball.LayerFromFile(i.Base, tarball.WithCompression(compression.None)); err != nil {
				return fmt.Errorf("image %s: %w", i.Name, err)
			}
		}
		if all[tag], err = i.build(bases[i.Base]); err != nil {
			return fmt.Errorf("image %s: %w", i.Name, err)
		}
	}
	return tarball.MultiWrite(all, w)
}

func (i Image) build(base v1.Layer) (v1.Image, error) {
	var layers []v1.Layer
	if base != nil {
		layers = append(layers, base)
	}
	if len(i.Files)+len(i.Folders) > 0 {
		layer, err := i.layer()
		if err != nil {
			return nil, err
		}
		layers = append(layers, layer)
	}
	img, err := mutate.AppendLayers(empty.Image, layers...)
	if err != nil {
		return nil, err
	}
	return mutate.ConfigFile(img, i.config(img))
}

func (i Image) config(img v1.Image) *v1.ConfigFile {
	config, err := img.ConfigFile()
	if err != nil {
		panic(err) // it is in memory
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", runtime.GOARCH
	config.Config = v1.Config{
		Entrypoint: i.Entrypoint, Cmd: i.Command, User: i.User, WorkingDir: i.WorkingDir,
		Env: append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, i.Env...),
	}
	return config
}

// layer packs the image's own files.
func (i Image) layer() (v1.Layer, error) {
	var text bytes.Buffer
	w := tar.NewWriter(&text)
	for _, folder := range i.Folders {
		if err := i.pack(w, strings.TrimPrefix(folder, "/")+"/", &tar.Header{Typeflag: tar.TypeDir, Mode: 0o755}, nil); err != nil {
			return nil, err
		}
	}
	for _, target := range slices.Sorted(maps.Keys(i.Files)) {
		source := i.Files[target]
		err := filepath.Walk(source, func(file string, info os.FileInfo, err error) error {
			if err != nil {
				return err
			}
			relative, err := filepath.Rel(source, file)
			if err != nil {
				return err
			}
			return i.packFile(w, strings.TrimPrefix(path.Join(target, filepath.ToSlash(relative)), "/"), file, info)
		})
		if err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text.Bytes())), nil }
	return tarball.LayerFromOpener(open, tarball.WithCompression(compression.None))
}

func (i Image) packFile(w *tar.Writer, target, source string, info os.FileInfo) error {
	link := ""
	if info.Mode()&os.ModeSymlink != 0 {
		var err error
		if link, err = os.Readlink(source); err != nil {
			return err
		}
	}
	header, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return i.pack(w, target, header, nil)
	}
	f, err := os.Open(source)
	if err != nil {
		return err
	}
	defer f.Close()
	return i.pack(w, target, header, f)
}

func (i Image) pack(w *tar.Writer, target string, header *tar.Header, content io.Reader) error {
	header.Name = target
	header.Uid, header.Gid = i.Owner, i.Owner
	header.Uname, header.Gname = "", ""
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	if content == nil {
		return nil
	}
	_, err := io.Copy(w, content)
	return err
}
