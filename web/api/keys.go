package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/web/transport"
)

// checkKeys refuses a valid JSON body in which an object has a key twice, or has a key in another case
// than the API knows it. encoding/json takes both and uses the last value, so a filter in front of
// the console, or a person who reads the request, might see another value than the console.
func checkKeys(raw []byte, t reflect.Type) error {
	k := keyCheck{d: json.NewDecoder(bytes.NewReader(raw))}
	k.d.UseNumber()
	return k.value(t, "")
}

type keyCheck struct{ d *json.Decoder }

// value reads one value that is decoded into a type; nil for a type that keeps any JSON.
func (k keyCheck) value(t reflect.Type, at string) error {
	token, err := k.d.Token()
	if err != nil {
		return unreadable(err)
	}
	t = decodedType(t)
	switch token {
	case json.Delim('{'):
		return k.object(t, at)
	case json.Delim('['):
		return k.array(t, at)
	default:
		return nil
	}
}

func (k keyCheck) object(t reflect.Type, at string) error {
	known, seen := keysOf(t), map[string]bool{}
	for k.d.More() {
		token, err := k.d.Token()
		if err != nil {
			return unreadable(err)
		}
		key, _ := token.(string) // the decoder takes no other key
		here := at + "/" + pointerPart(key)
		if seen[key] {
			return badKey(here, "the key %q is in the object twice: send it once", key)
		}
		seen[key] = true
		if name := knownAs(known, key); name != key {
			return badKey(here, "the key %q is written %q: keys are case-sensitive", key, name)
		}
		if err := k.value(memberType(t, known, key), here); err != nil {
			return err
		}
	}
	_, err := k.d.Token()
	return err
}

func (k keyCheck) array(t reflect.Type, at string) error {
	var of reflect.Type
	if t != nil && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) {
		of = t.Elem()
	}
	for i := 0; k.d.More(); i++ {
		if err := k.value(of, at+"/"+strconv.Itoa(i)); err != nil {
			return err
		}
	}
	_, err := k.d.Token()
	return err
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// decodedType is a type without its pointers; nil if the type decodes JSON on its own, as
// json.RawMessage does.
func decodedType(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || reflect.PointerTo(t).Implements(unmarshaler) {
		return nil
	}
	return t
}

// keysOf are the keys of a struct with the types of their values; nil for other types.
func keysOf(t reflect.Type) map[string]reflect.Type {
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	keys := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case !f.IsExported(), name == "-", f.Anonymous && name == "":
		case name == "":
			keys[f.Name] = f.Type
		default:
			keys[name] = f.Type
		}
	}
	return keys
}

// knownAs is the known key that encoding/json takes a key for; the key itself if there is none.
func knownAs(known map[string]reflect.Type, key string) string {
	if _, exact := known[key]; exact {
		return key
	}
	for name := range known {
		if strings.EqualFold(name, key) {
			return name
		}
	}
	return key
}

func memberType(t reflect.Type, known map[string]reflect.Type, key string) reflect.Type {
	if t != nil && t.Kind() == reflect.Map {
		return t.Elem()
	}
	return known[key]
}

// pointerPart writes a key as a part of a JSON pointer (RFC 6901).
func pointerPart(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}

func badKey(at, format string, args ...any) error {
	message := fmt.Sprintf(format, args...)
	return &access.Error{
		Kind: transport.KindMalformed, Message: "The body cannot be taken: " + message + ".",
		Fields: []access.FieldError{{Field: at, Message: message}},
	}
}
