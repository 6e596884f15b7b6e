package store

import (
	"iter"
	"math/bits"
	"strings"
)

// bitset is a set of positions in a list, one bit for each.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

// everything holds each of n positions.
func everything(n int) bitset {
	c := newBitset(n)
	for i := range c {
		c[i] = ^uint64(0)
	}
	if rest := n % 64; rest > 0 {
		c[len(c)-1] = 1<<rest - 1
	}
	return c
}

func (c bitset) set(i int32) { c[i/64] |= 1 << (i % 64) }

func (c bitset) add(at []int32) {
	for _, i := range at {
		c.set(i)
	}
}

// keep removes the positions that are not in other.
func (c bitset) keep(other bitset) {
	for i := range c {
		c[i] &= other[i]
	}
}

func (c bitset) count() int {
	n := 0
	for _, word := range c {
		n += bits.OnesCount64(word)
	}
	return n
}

// all yields the positions, ascending.
func (c bitset) all() iter.Seq[int] { return c.from(0) }

// from yields the positions from one on.
func (c bitset) from(first int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for w := first / 64; w < len(c); w++ {
			word := c[w]
			if w == first/64 {
				word &= ^uint64(0) << (first % 64)
			}
			for ; word != 0; word &= word - 1 {
				if !yield(w*64 + bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}

// fold makes two texts equal that differ in upper and lower case only.
func fold(s string) string { return strings.ToLower(s) }

// haystack is a list of texts in one, to be searched at once.
type haystack struct {
	all  string // folded, a NUL after each field
	ends []int32
}

func newHaystack(n int, fields func(i int) []string) *haystack {
	t := &haystack{ends: make([]int32, n)}
	var b strings.Builder
	for i := range n {
		for _, f := range fields(i) {
			b.WriteString(fold(f))
			b.WriteByte(0)
		}
		t.ends[i] = int32(b.Len())
	}
	t.all = b.String()
	return t
}

// containing yields the positions of the texts of which a field contains what is searched.
func (t *haystack) containing(search string) iter.Seq[int] {
	search = fold(strings.TrimSpace(search))
	return func(yield func(int) bool) {
		if strings.ContainsRune(search, 0) {
			return
		}
		i, from := 0, int32(0)
		for i < len(t.ends) {
			at := strings.Index(t.all[from:], search)
			if at < 0 {
				return
			}
			for t.ends[i] <= from+int32(at) {
				i++
			}
			if !yield(i) {
				return
			}
			from = t.ends[i]
			i++
		}
	}
}
