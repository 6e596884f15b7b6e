package iam

// tri is what is known about something: it is not so, it is, or it depends on what was
// not said.
type tri int8

const (
	no tri = iota
	unsure
	yes
)

func is(b bool) tri {
	if b {
		return yes
	}
	return no
}

func and(a, b tri) tri { return min(a, b) }

func or(a, b tri) tri { return max(a, b) }

func not(a tri) tri { return yes - a }
