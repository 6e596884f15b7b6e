package access

import (
	"errors"
	"fmt"
	"strings"
)

// Kind says what sort of thing went wrong, so that a page, the API and the command
// line can each answer in their own way.
type Kind string

// The kinds of error. Everything without a kind is Internal.
const (
	KindInvalid         Kind = "invalid"         // the input is wrong; Fields says where
	KindNotFound        Kind = "not_found"       // no such object
	KindForbidden       Kind = "forbidden"       // this actor may not do that
	KindUnauthenticated Kind = "unauthenticated" // nobody is signed in
	KindConflict        Kind = "conflict"        // somebody was faster, or the state forbids it
	KindUnchanged       Kind = "unchanged"       // there is nothing to do: all is as asked for
	KindStale           Kind = "stale"           // what the request was based on has moved
	KindUnconditional   Kind = "unconditional"   // the request must say what it was based on
	KindTooMany         Kind = "too_many"        // a limit on attempts was reached
	KindUnavailable     Kind = "unavailable"     // something needed does not answer now
	KindInternal        Kind = "internal"        // a defect of ours
)

// ErrBusy is in the chain of a KindUnavailable error where the database was too busy to begin: a
// lock or a connection did not become free in time. The transaction was rolled back, so nothing was
// changed and the same request can be sent again.
var ErrBusy = errors.New("the database is busy")

// FieldError is a message about one field. Field is the form field's
// name or, for structured input, a JSON pointer without the leading slash
// ("entries/3/cidr").
type FieldError struct {
	Field   string
	Message string
}

// Error is an error with a kind and a message fit for the person who caused it.
// Err holds the cause for the log and is never shown.
type Error struct {
	Kind    Kind
	Message string
	Fields  []FieldError
	Err     error
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	for _, f := range e.Fields {
		if f.Message != e.Message {
			fmt.Fprintf(&b, "; %s: %s", f.Field, f.Message)
		}
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an error of a kind. A %w in the format becomes the hidden cause's chain
// only through Wrap; the message here is shown to people as it is.
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Wrap makes an error of a kind around a cause. The message is shown, the cause logged.
func Wrap(kind Kind, cause error, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...), Err: cause}
}

// Invalid makes a KindInvalid error whose message belongs to one field.
func Invalid(field, format string, args ...any) *Error {
	msg := fmt.Sprintf(format, args...)
	return &Error{Kind: KindInvalid, Message: msg, Fields: []FieldError{{Field: field, Message: msg}}}
}

// InvalidFields makes one KindInvalid error of several field errors; nil when there are none.
func InvalidFields(fields []FieldError) error {
	switch len(fields) {
	case 0:
		return nil
	case 1:
		return &Error{Kind: KindInvalid, Message: fields[0].Message, Fields: fields}
	default:
		return &Error{Kind: KindInvalid, Message: fmt.Sprintf("%d things need correcting", len(fields)), Fields: fields}
	}
}

// KindOf returns the kind of the first *Error in the chain, else KindInternal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindInternal
}

// FieldsOf returns the field errors of the first *Error in the chain.
func FieldsOf(err error) []FieldError {
	var e *Error
	if errors.As(err, &e) {
		return e.Fields
	}
	return nil
}

// MessageOf returns the text to show to a person: the message of the first *Error in
// the chain, else a sentence that gives nothing away.
func MessageOf(err error) string {
	var e *Error
	if errors.As(err, &e) && e.Kind != KindInternal {
		return e.Message
	}
	return "Something went wrong on our side. The log has the details under this request's id."
}
