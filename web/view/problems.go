package view

import (
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// Problems are the messages of a form that failed. The zero value is a form that has
// not failed.
type Problems struct {
	Message string
	Fields  []access.FieldError
}

// NewProblems takes the messages out of an error, as sentences: they stand alone.
func NewProblems(err error) Problems {
	if err == nil {
		return Problems{}
	}
	p := Problems{Message: sentence(access.MessageOf(err))}
	for _, f := range access.FieldsOf(err) {
		p.Fields = append(p.Fields, access.FieldError{Field: f.Field, Message: sentence(f.Message)})
	}
	return p
}

// Any reports whether the form failed.
func (p Problems) Any() bool { return p.Message != "" }

// For returns the messages of a field, and of the parts of it ("lines" has "lines/3").
func (p Problems) For(field string) []string {
	var messages []string
	for _, f := range p.Fields {
		if f.Field == field || strings.HasPrefix(f.Field, field+"/") {
			messages = append(messages, f.Message)
		}
	}
	return messages
}

// loose returns the messages that no field of the form shows.
func (p Problems) loose(fields []string) []string {
	var messages []string
	for _, f := range p.Fields {
		if !shown(f.Field, fields) && f.Message != p.Message {
			messages = append(messages, f.Message)
		}
	}
	return messages
}

func shown(field string, fields []string) bool {
	for _, f := range fields {
		if field == f || strings.HasPrefix(field, f+"/") {
			return true
		}
	}
	return false
}
