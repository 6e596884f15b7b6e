package change

import (
	"errors"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// asField puts an error that belongs to no field beside one, so that the form shows it
// where the person typed. Other errors pass as they are.
func asField(err error, field string) error {
	var e *access.Error
	if !errors.As(err, &e) || (e.Kind != access.KindInvalid && e.Kind != access.KindConflict) {
		return err
	}
	if len(e.Fields) > 0 && !strings.HasPrefix(e.Fields[0].Field, "edits/") {
		return err
	}
	return &access.Error{Kind: e.Kind, Message: e.Message, Err: e.Err, Fields: []access.FieldError{{Field: field, Message: e.Message}}}
}

// withoutFields moves the messages about fields of a mapping into the message of an error: a whole desired state has no
// field for each.
func withoutFields(err error) error {
	fields := access.FieldsOf(err)
	if len(fields) == 0 {
		return err
	}
	messages := make([]string, len(fields))
	for i, f := range fields {
		messages[i] = f.Message
	}
	return access.Errorf(access.KindInvalid, "%s", strings.Join(messages, "; "))
}

// plainFields turns "edits/0/name" into "name", for a form that makes one edit.
func plainFields(err error) error {
	var e *access.Error
	if !errors.As(err, &e) {
		return err
	}
	plain := *e
	plain.Fields = nil
	for _, f := range e.Fields {
		if rest, ok := strings.CutPrefix(f.Field, "edits/"); ok {
			if _, name, found := strings.Cut(rest, "/"); found {
				f.Field = name
			}
		}
		plain.Fields = append(plain.Fields, f)
	}
	return &plain
}
