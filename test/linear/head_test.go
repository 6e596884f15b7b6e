package linear

import (
	"fmt"

	"github.com/anishathalye/porcupine"
)

// concernsHead reports whether a call reads or moves the head.
func concernsHead(c call, a answer) bool {
	switch c.op {
	case opApply:
		return a.ok() || a.unknown()
	case opHead, opExpire, opPropose, opSubmit, opRebase:
		return a.ok()
	default:
		return false
	}
}

// headModel is the model of the head, of which the first revision that was read is given.
func headModel(first int64) porcupine.NondeterministicModel {
	return porcupine.NondeterministicModel{
		Init: func() []any { return []any{first} },
		Step: func(state, input, output any) []any {
			return nextHead(state.(int64), input.(call), output.(answer))
		},
		DescribeOperation: describe,
		DescribeState:     func(s any) string { return fmt.Sprint("revision ", s) },
	}
}

func nextHead(head int64, c call, a answer) []any {
	switch {
	case a.unknown():
		return []any{head, head + 1}
	case c.op == opApply || c.op == opExpire:
		if a.revision == head+1 {
			return []any{head + 1}
		}
	case c.op == opHead:
		if a.revision == head {
			return []any{head}
		}
	case a.base == head:
		return []any{head}
	}
	return nil
}
