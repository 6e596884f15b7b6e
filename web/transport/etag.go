package transport

import (
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
)

// An ETag says which version of a thing an answer shows: a change's version, the number
// of a revision, the state of a rollout. If-Match says on which one a request builds.

// IfMatch returns what the request wants to find, without its quotes; "" where it does
// not say or would take anything.
func IfMatch(c echo.Context) (string, error) {
	given := strings.TrimSpace(c.Request().Header.Get("If-Match"))
	if given == "" || given == "*" {
		return "", nil
	}
	tag, opens := strings.CutPrefix(given, `"`)
	tag, closes := strings.CutSuffix(tag, `"`)
	if !opens || !closes || tag == "" || strings.ContainsAny(tag, `",`) {
		return "", access.Invalid("If-Match", "If-Match takes one ETag as it was given, with its quotes, such as %q", `"3"`)
	}
	return tag, nil
}

// MatchNumber reads If-Match as a version or revision; ok is false where there is none.
func MatchNumber(c echo.Context) (n int64, ok bool, err error) {
	tag, err := IfMatch(c)
	if err != nil || tag == "" {
		return 0, false, err
	}
	n, err = strconv.ParseInt(tag, 10, 64)
	if err != nil || n < 0 {
		return 0, false, access.Errorf(access.KindStale, "%q is not the ETag of what is there now. Read it again.", tag)
	}
	return n, true, nil
}

// VersionTag is the ETag of a version or a revision.
func VersionTag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// RolloutTag changes with what people decide about a rollout, not with each account that
// is done: otherwise nobody could ever pause a fast one.
func RolloutTag(r access.Rollout) string { return `"` + string(r.State) + `"` }
