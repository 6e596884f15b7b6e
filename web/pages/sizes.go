package pages

import (
	"portcullis/internal/change"
	"portcullis/web/view"
)

func sizeLines(sizes []change.RoleSize) []view.SizeLine {
	lines := make([]view.SizeLine, len(sizes))
	for i, s := range sizes {
		lines[i] = view.SizeLine{Role: s.Role.String(), Account: s.Account.Name, Size: s.Size, Limit: s.Limit, Looked: s.Looked, Reached: s.Reached, Problem: s.Problem}
	}
	return lines
}
