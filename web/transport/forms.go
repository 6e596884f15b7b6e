package transport

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
)

// readForm reads the form of a request before the handler does, or refuses it as a whole: a form
// that cannot be read would otherwise look like one whose fields are empty. lists names the fields
// that may be sent several times, such as a group of check boxes.
func readForm(c echo.Context, lists []string) error {
	if err := checkNoQuery(c.QueryParams()); err != nil {
		return err
	}
	_, err := c.FormParams()
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return err
	case err != nil:
		return access.Wrap(access.KindInvalid, err, "The form could not be read. Open the page again and repeat.")
	}
	r := c.Request()
	r.Form = r.PostForm // without the fields of the address
	return checkForm(withFiles(r), lists)
}

// withFiles is the form of a request with the names of its files as values.
func withFiles(r *http.Request) url.Values {
	if r.MultipartForm == nil || len(r.MultipartForm.File) == 0 {
		return r.PostForm
	}
	form := maps.Clone(r.PostForm)
	for name, files := range r.MultipartForm.File {
		for _, f := range files {
			form[name] = append(slices.Clone(form[name]), strings.ToValidUTF8(f.Filename, ""))
		}
	}
	return form
}

// checkNoQuery refuses a form that is sent to an address with parameters: its handler must not take
// a field from a link.
func checkNoQuery(query url.Values) error {
	var fields []access.FieldError
	for _, name := range slices.Sorted(maps.Keys(query)) {
		fields = append(fields, access.FieldError{
			Field: strings.ToValidUTF8(name, "\uFFFD"), Message: "A form takes no fields from its address. Open the " +
				"page again.",
		})
	}
	return access.InvalidFields(fields)
}

// checkForm refuses text that is not valid UTF-8, which no page shows as it is, and a field that is
// sent several times and is not a list: the handler would use one value, and a filter in front of
// the console might have checked the other.
func checkForm(form url.Values, lists []string) error {
	var fields []access.FieldError
	for _, name := range slices.Sorted(maps.Keys(form)) {
		values := form[name]
		var message string
		switch {
		case !utf8.ValidString(name + strings.Join(values, "\n")):
			message = "The text is not valid UTF-8. Type it again."
		case len(values) > 1 && !slices.Contains(lists, name):
			message = fmt.Sprintf("The field %q was sent %d times. Open the page again and send it once.", name,
				len(values))
		default:
			continue
		}
		fields = append(fields, access.FieldError{Field: strings.ToValidUTF8(name, "\uFFFD"), Message: message})
	}
	return access.InvalidFields(fields)
}
