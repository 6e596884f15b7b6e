package store

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// A cursor is the key of the last row of a page; the next page begins after it. So pages
// neither repeat nor miss a row that stays, whatever is added or removed meanwhile.

func encodeCursor(keys ...string) string {
	body, err := json.Marshal(keys)
	if err != nil {
		return "" // strings always encode
	}
	return base64.RawURLEncoding.EncodeToString(body)
}

// decodeCursor returns n keys; nil for the first page.
func decodeCursor(cursor string, n int) ([]string, error) {
	if cursor == "" {
		return nil, nil
	}
	var keys []string
	body, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(body, &keys)
	}
	if err != nil || len(keys) != n {
		return nil, errCursor()
	}
	return keys, nil
}

func errCursor() error {
	return access.Invalid("cursor", "the cursor is none that this list gave: send the request without a cursor")
}

func encodeIDCursor(id int64) string { return encodeCursor(strconv.FormatInt(id, 10)) }

// decodeIDCursor returns the number in a cursor, and whether there is one.
func decodeIDCursor(cursor string) (id int64, ok bool, err error) {
	keys, err := decodeCursor(cursor, 1)
	if err != nil || keys == nil {
		return 0, false, err
	}
	id, err = strconv.ParseInt(keys[0], 10, 64)
	if err != nil {
		return 0, false, errCursor()
	}
	return id, true, nil
}

// cut makes a page of one row more than its size: that row says that there is a next
// page, and is left out.
func cut[T any](rows []T, size, total int, cursor func(T) string) access.Page[T] {
	p := access.Page[T]{Items: rows, Total: total}
	if len(rows) > size {
		p.Items = rows[:size]
		p.Next = cursor(p.Items[size-1])
	}
	return p
}

// pageOf converts the rows of a page.
func pageOf[R, T any](p access.Page[R], convert func(R) T) access.Page[T] {
	items := make([]T, len(p.Items))
	for i, r := range p.Items {
		items[i] = convert(r)
	}
	return access.Page[T]{Items: items, Next: p.Next, Total: p.Total}
}

var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// containing is the ILIKE pattern for texts that contain what was searched for.
func containing(search string) string {
	return "%" + likeEscaper.Replace(strings.TrimSpace(search)) + "%"
}

// beginning is the LIKE pattern for texts that begin so.
func beginning(prefix string) string { return likeEscaper.Replace(prefix) + "%" }
