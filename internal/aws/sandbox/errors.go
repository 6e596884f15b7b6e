package sandbox

import (
	"fmt"
	"net/http"
)

// apiError is a refusal in AWS's own words.
type apiError struct {
	status  int
	code    string
	message string
}

// asError is the refusal for a caller in Go; nil for none.
func (e *apiError) asError() error {
	if e == nil {
		return nil
	}
	return fmt.Errorf("%s: %s", e.code, e.message)
}

func refuse(status int, code, format string, args ...any) *apiError {
	return &apiError{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

func noSuchRole(name string) *apiError {
	return refuse(http.StatusNotFound, "NoSuchEntity", "The role with name %s cannot be found.", name)
}

func noSuchUser(name string) *apiError {
	return refuse(http.StatusNotFound, "NoSuchEntity", "The user with name %s cannot be found.", name)
}

func noSuchPolicy(kind, name string) *apiError {
	return refuse(http.StatusNotFound, "NoSuchEntity", "The %s policy with name %s cannot be found.", kind, name)
}

func malformedPolicy(format string, args ...any) *apiError {
	return refuse(http.StatusBadRequest, "MalformedPolicyDocument", format, args...)
}

func invalidInput(format string, args ...any) *apiError {
	return refuse(http.StatusBadRequest, "ValidationError", format, args...)
}

func exists(format string, args ...any) *apiError {
	return refuse(http.StatusConflict, "EntityAlreadyExists", format, args...)
}

func overQuota(format string, args ...any) *apiError {
	return refuse(http.StatusConflict, "LimitExceeded", format, args...)
}

func accessDenied(format string, args ...any) *apiError {
	return refuse(http.StatusForbidden, "AccessDenied", format, args...)
}

func badMarker() *apiError {
	return refuse(http.StatusBadRequest, "InvalidInput", "The marker is not one that this operation gave out.")
}
