package load

import (
	"strings"
	"testing"
)

// A section that is measured by itself takes the place of its earlier one; the others stay.
func TestReportOverAnEarlierOne(t *testing.T) {
	report := func(values ...string) *report {
		var r report
		for i := 0; i+1 < len(values); i += 2 {
			r.section(t, values[i], "").add("what", "", "%s", values[i+1])
		}
		return &r
	}
	first := report("A", "1", "B", "2").over("")
	got := report("B", "3", "C", "4").over(first)
	var measured []string
	for line := range strings.Lines(got) {
		if strings.HasPrefix(line, "## ") || strings.HasPrefix(line, "| what |") && !strings.Contains(line, "measured") {
			measured = append(measured, strings.TrimSpace(line))
		}
	}
	if want := "## A,| what | 1 |  |,## B,| what | 3 |  |,## C,| what | 4 |  |"; strings.Join(measured, ",") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(measured, ","), want)
	}
	if n := strings.Count(got, "# Benchmarks\n"); n != 1 {
		t.Errorf("%d heads", n)
	}
}
