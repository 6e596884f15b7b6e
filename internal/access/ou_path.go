package access

import (
	"slices"
	"strings"
	"unicode"
)

// A path of an OU is the names from the root down, separated by slashes: Root/Prod/Payments. A name that could be
// misread is in double quotes: Root/"CI/CD". Within quotes, \" is a double quote, \\ a backslash, and \n, \r and \t are
// a line feed, a carriage return and a tab.

var (
	ouEscapes   = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`)
	ouUnescapes = map[byte]byte{'\\': '\\', '"': '"', 'n': '\n', 'r': '\r', 't': '\t'}
)

// JoinOUPath makes a path of names. It quotes a name only if it must: an empty one, one with a slash, a comma, a double
// quote, a backslash or a control character, one with white space at an end, and one that looks like an id.
func JoinOUPath(names ...string) string {
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = quoteOU(name)
	}
	return strings.Join(parts, "/")
}

func quoteOU(name string) string {
	plain := name != "" && strings.TrimSpace(name) == name && !strings.ContainsAny(name, `/,"\`) &&
		!strings.ContainsFunc(name, unicode.IsControl) && !looksLikeID(name)
	if plain {
		return name
	}
	return `"` + ouEscapes.Replace(name) + `"`
}

func looksLikeID(name string) bool {
	_, id := idIn(name)
	return id || AccountID(name).Valid()
}

// SplitOUPath returns the names of a path.
func SplitOUPath(path string) ([]string, error) {
	var names []string
	rest := strings.TrimSpace(path)
	for {
		name, after, err := firstOUName(path, rest)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
		if after == "" {
			return names, nil
		}
		rest = after[1:]
	}
}

// firstOUName reads the first name of rest, a part of path. after is empty or begins with the slash after the name.
func firstOUName(path, rest string) (name, after string, err error) {
	if !strings.HasPrefix(rest, `"`) {
		at := strings.IndexByte(rest, '/')
		if at < 0 {
			at = len(rest)
		}
		name, after = rest[:at], rest[at:]
		if name == "" {
			return "", "", notAPath(path, "a name in it is empty; a path is the names from the root: Root/Prod")
		}
		if strings.ContainsAny(name, `"\`) {
			return "", "", notAPath(path, `a name with a quote or a backslash must be in double quotes, `+
				`with a backslash before each of them: Root/"a \"b\""`)
		}
		return name, after, nil
	}
	var b strings.Builder
	for i := 1; i < len(rest); i++ {
		switch c := rest[i]; c {
		case '"':
			if after = rest[i+1:]; after != "" && after[0] != '/' {
				return "", "", notAPath(path, `a slash must follow the closing quote of a name, as in Root/"CI/CD"/Build`)
			}
			return b.String(), after, nil
		case '\\':
			i++
			if i == len(rest) {
				continue
			}
			char, known := ouUnescapes[rest[i]]
			if !known {
				return "", "", notAPath(path, `within quotes there are only the escapes \", \\, \n, \r and \t`)
			}
			b.WriteByte(char)
		default:
			b.WriteByte(c)
		}
	}
	return "", "", notAPath(path, `the quote that opens a name is never closed; write it as Root/"CI/CD"`)
}

func notAPath(path, why string) error {
	return Invalid("ou", "%q is not the path of an OU: %s", path, why)
}

// SplitOUs splits a form field with one OU on a line. Commas separate too, but not within quotes.
func SplitOUs(text string) []string {
	var out []string
	quoted, escaped := false, false
	parts := strings.FieldsFunc(text, func(r rune) bool {
		switch {
		case r == '\n' || r == '\r':
			quoted, escaped = false, false
			return true
		case escaped:
			escaped = false
		case quoted && r == '\\':
			escaped = true
		case r == '"':
			quoted = !quoted
		}
		return r == ',' && !quoted
	})
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}
