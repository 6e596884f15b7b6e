package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"unicode/utf8"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/web/transport"
)

// body reads the JSON object that a request brings. A key that the route does not know is
// refused: a misspelt field, or one that the caller must not set, must not be ignored. A key that
// comes twice or in another case is refused, too.
func body[T any](r request) (T, error) {
	var v T
	raw, err := io.ReadAll(r.Request().Body)
	if err != nil {
		return v, unreadable(err)
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return v, access.Errorf(transport.KindMalformed, "The request has no body. Send a JSON object.")
	}
	if kind, _, err := mime.ParseMediaType(r.Request().Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return v, access.Errorf(transport.KindMediaType, "The body is taken as JSON only: send Content-Type: application/json.")
	}
	if err := checkUTF8(raw); err != nil {
		return v, err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		return v, badJSON(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return v, access.Errorf(transport.KindMalformed, "Something follows the JSON object in the body. Send one object alone.")
	}
	return v, checkKeys(raw, reflect.TypeFor[T]())
}

// checkUTF8 refuses a body that is not valid UTF-8. encoding/json would replace the invalid bytes.
func checkUTF8(raw []byte) error {
	if utf8.Valid(raw) {
		return nil
	}
	at := 0
	for at < len(raw) {
		r, size := utf8.DecodeRune(raw[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	return access.Errorf(transport.KindMalformed, "The body is not valid UTF-8: byte %d (0x%02X) is invalid. Encode the JSON as UTF-8.",
		at+1, raw[at])
}

// bodyIfAny is body where a request need not bring one.
func bodyIfAny[T any](r request) (T, error) {
	var none T
	raw, err := io.ReadAll(r.Request().Body)
	if err != nil {
		return none, unreadable(err)
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return none, nil
	}
	r.Request().Body = io.NopCloser(bytes.NewReader(raw))
	return body[T](r)
}

// noBody refuses a body where none has a meaning; an empty object is none.
func noBody(r request) error {
	raw, err := io.ReadAll(io.LimitReader(r.Request().Body, 64))
	if err != nil {
		return unreadable(err)
	}
	if trimmed := bytes.TrimSpace(raw); len(trimmed) > 0 && !bytes.Equal(trimmed, []byte("{}")) {
		return access.Errorf(transport.KindMalformed, "This request takes no body.")
	}
	return nil
}

func unreadable(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return err
	}
	return access.Wrap(transport.KindMalformed, err, "The body of the request did not arrive as a whole. Send it again.")
}

func badJSON(err error) error {
	var kind *json.UnmarshalTypeError
	var known *access.Error
	switch name, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); {
	case errors.As(err, &known):
		return err
	case unknown:
		name = strings.Trim(name, `"`)
		return access.Invalid(name, "%q is not known here; see what the request takes in /api/v1/openapi.json", name)
	case errors.As(err, &kind):
		return access.Invalid(strings.ReplaceAll(kind.Field, ".", "/"), "a JSON %s is of no use here; it has to be %s", kind.Value, wanted(kind.Type))
	default:
		return access.Wrap(transport.KindMalformed, err, "The body is no JSON: %s.", strings.TrimPrefix(err.Error(), "json: "))
	}
}

// wanted says in JSON's words what a Go type is read from.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Pointer:
		return wanted(t.Elem())
	default:
		return "a whole number"
	}
}
