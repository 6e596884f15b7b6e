package view

import (
	"math/big"
	"testing"
	"time"
)

func TestNumber(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "-1,234"} {
		if got := Number(n); got != want {
			t.Errorf("Number(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestBigNumber(t *testing.T) {
	power := func(k uint) *big.Int { return new(big.Int).Lsh(big.NewInt(1), k) }
	for _, test := range []struct {
		n    *big.Int
		want string
	}{
		{nil, "0"},
		{big.NewInt(512), "512"},
		{power(32), "4,294,967,296"},
		{power(80), "2⁸⁰"},
		{new(big.Int).Add(power(80), power(79)), "1.81 × 10²⁴"},
	} {
		if got := BigNumber(test.n); got != test.want {
			t.Errorf("BigNumber(%v) = %q, want %q", test.n, got, test.want)
		}
	}
}

func TestCount(t *testing.T) {
	for want, got := range map[string]string{
		"1 entry": Count(1, "entry", "entries"), "2 entries": Count(2, "entry", "entries"), "0 accounts": Count(0, "account"), "1,000 accounts": Count(1000, "account"),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestDurations(t *testing.T) {
	for d, want := range map[time.Duration]string{2400 * time.Millisecond: "2.4 s", 59 * time.Second: "59 s", 200 * time.Second: "3 min 20 s", 64 * time.Minute: "1 h 4 min", -time.Second: "0 s"} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%s) = %q, want %q", d, got, want)
		}
	}
}

func TestInitials(t *testing.T) {
	for name, want := range map[string]string{"Vera Viewer": "VV", "alice": "A", "": "?", "Ada King of Lovelace": "AL", "Ölaf": "Ö"} {
		if got := initials(name); got != want {
			t.Errorf("initials(%q) = %q, want %q", name, got, want)
		}
	}
}
