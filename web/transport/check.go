package transport

import (
	"strings"

	"github.com/labstack/echo/v4"
)

// Check is one line of /readyz?verbose.
type Check struct {
	Name   string
	Detail string
	Failed bool
}

// verbose returns the checks as lines if the request asks for them.
func (s *Server) verbose(c echo.Context) string {
	if s.cfg.Checks == nil || !c.QueryParams().Has("verbose") {
		return ""
	}
	var b strings.Builder
	for _, check := range s.cfg.Checks(c.Request().Context()) {
		mark := "[ok] "
		if check.Failed {
			mark = "[failed] "
		}
		b.WriteString(mark + check.Name + ": " + check.Detail + "\n")
	}
	return b.String()
}
