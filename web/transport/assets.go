package transport

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/labstack/echo/v4"
)

// vendored are the third-party files without which no page works.
var vendored = []string{"vendor/tabler.css", "vendor/htmx.js", "vendor/htmx-sse.js", "vendor/inter.woff2", "vendor/mono.woff2"}

// Assets are the embedded files, packed once. The hash of all of them stands in their
// address, so that a browser may keep them for ever and relative addresses hold.
type Assets struct {
	prefix string
	files  map[string]asset
}

type asset struct {
	mime   string
	plain  []byte
	packed []byte // nil where packing does not pay
}

// LoadAssets reads the folder static of a file system and packs its files.
func LoadAssets(from fs.FS) (*Assets, error) {
	a := &Assets{files: map[string]asset{}}
	sum := sha256.New()
	err := fs.WalkDir(from, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%s %d\n", name, len(body))
		sum.Write(body)
		a.files[strings.TrimPrefix(name, "static/")] = pack(name, body)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the embedded assets: %w", err)
	}
	for _, name := range vendored {
		if _, ok := a.files[name]; !ok {
			return nil, fmt.Errorf("web/static/%s was not there when the program was built: run `make assets`, then build again", name)
		}
	}
	a.prefix = "/assets/" + hex.EncodeToString(sum.Sum(nil))[:16]
	return a, nil
}

func pack(name string, body []byte) asset {
	f := asset{mime: mimeOf(name), plain: body}
	if path.Ext(name) == ".woff2" {
		return f
	}
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if _, err := w.Write(body); err == nil && w.Close() == nil && b.Len() < len(body) {
		f.packed = b.Bytes()
	}
	return f
}

// mimeOf does not ask the machine for types of which we know better.
func mimeOf(name string) string {
	switch ext := path.Ext(name); ext {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".woff2":
		return "font/woff2"
	case ".svg":
		return "image/svg+xml"
	default:
		return mime.TypeByExtension(ext)
	}
}

// serveAsset sends a file. Under the hash of another release the file is sent all the
// same, but not kept: during an upgrade two releases answer side by side.
func (s *Server) serveAsset(c echo.Context) error {
	f, ok := s.cfg.Assets.files[c.Param("*")]
	if !ok {
		return echo.ErrNotFound
	}
	h := c.Response().Header()
	if "/assets/"+c.Param("hash") == s.cfg.Assets.prefix {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Set("Vary", "Accept-Encoding")
	if f.packed != nil && strings.Contains(c.Request().Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		return c.Blob(http.StatusOK, f.mime, f.packed)
	}
	return c.Blob(http.StatusOK, f.mime, f.plain)
}
