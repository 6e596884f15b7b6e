package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"

	"portcullis.internal/portcullis/web/transport"

	"github.com/goccy/go-yaml"
	"github.com/labstack/echo/v4"
)

// describeAPI puts the parts of the description together: each is an object, and objects
// of the same name are joined.
func describeAPI(parts fs.FS) ([]byte, error) {
	names, err := fs.Glob(parts, "openapi/*.yaml")
	if err != nil {
		return nil, err
	}
	whole := map[string]any{}
	for _, name := range names {
		text, err := fs.ReadFile(parts, name)
		if err != nil {
			return nil, err
		}
		var part map[string]any
		if err := yaml.Unmarshal(text, &part); err != nil {
			return nil, fmt.Errorf("the description of the API, %s: %w", name, err)
		}
		join(whole, part)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err = enc.Encode(whole)
	return b.Bytes(), err
}

func join(into, part map[string]any) {
	for key, value := range part {
		have, objects := into[key].(map[string]any)
		more, ok := value.(map[string]any)
		if objects && ok {
			join(have, more)
			continue
		}
		into[key] = value
	}
}

// sendDescription is for everybody: it says nothing that the source does not.
func (s *API) sendDescription(c echo.Context) error {
	return transport.SendBytes(c, "application/json", s.description)
}
