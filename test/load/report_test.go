package load

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// row is one thing that was measured. A goal that is missed is said in words.
type row struct{ what, measured, goal string }

// report collects rows in the order in which they are measured.
type report struct{ sections []*section }

type section struct {
	title string
	intro string
	load  string // how busy the machine was with other work before
	rows  []row
	cut   bool // the measurement failed before its end
}

// section begins a section, which a test is going to fill.
func (r *report) section(t *testing.T, title, intro string) *section {
	s := &section{title: title, intro: intro, load: load()}
	r.sections = append(r.sections, s)
	t.Cleanup(func() { s.cut = t.Failed() })
	return s
}

func (s *section) add(what, goal, format string, args ...any) {
	s.rows = append(s.rows, row{what, fmt.Sprintf(format, args...), goal})
}

// String is the whole report as Markdown.
func (r *report) String() string {
	var b strings.Builder
	b.WriteString("# Benchmarks\n\n`make bench` writes this page; run it to measure on your machine. Durations vary with the machine,\nso the page states goals as ratios within one run or as counts where possible.\n\n")
	fmt.Fprintf(&b, "Machine: %s, %d CPUs, %s.\n", cpu(), runtime.NumCPU(), runtime.Version())
	for _, s := range r.sections {
		b.WriteString(s.String())
	}
	return b.String()
}

const heading = "\n## "

func (s *section) String() string {
	var b strings.Builder
	b.WriteString(heading + s.title + "\n\n")
	if s.intro != "" {
		b.WriteString(s.intro + "\n\n")
	}
	if s.cut {
		b.WriteString("**This measurement failed before its end.**\n\n")
	}
	b.WriteString("| what | measured | goal |\n|---|---:|---|\n")
	for _, r := range s.rows {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r.what, r.measured, r.goal)
	}
	fmt.Fprintf(&b, "\n%s; load of the machine before: %s.\n", time.Now().UTC().Format(time.DateOnly), s.load)
	return b.String()
}

// over puts the sections of this report in the place of those of an earlier one that
// have the same titles: so one section can be measured anew by itself.
func (r *report) over(earlier string) string {
	_, rest, found := strings.Cut(earlier, heading)
	if !found {
		return r.String()
	}
	measured := map[string]string{}
	for _, s := range r.sections {
		measured[s.title] = s.String()
	}
	head, _, _ := strings.Cut(r.String(), heading)
	var b strings.Builder
	b.WriteString(head)
	for _, old := range strings.Split(rest, heading) {
		title, _, _ := strings.Cut(old, "\n")
		if now, again := measured[title]; again {
			b.WriteString(now)
			delete(measured, title)
		} else {
			b.WriteString(heading + old)
		}
	}
	for _, s := range r.sections {
		b.WriteString(measured[s.title])
	}
	return b.String()
}

// load is how many programs wanted a processor during the last minute.
func load() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "not known"
	}
	minute, _, _ := strings.Cut(string(data), " ")
	return minute
}

func cpu() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, ok := strings.CutPrefix(lines.Text(), "model name"); ok {
			return strings.TrimSpace(strings.TrimLeft(name, "\t :"))
		}
	}
	return runtime.GOARCH
}

func (r *report) write(t *testing.T, path string) {
	t.Helper()
	earlier, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(r.over(string(earlier))), 0o644); err != nil {
		t.Fatal(err)
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func mebibytes(n int64) string { return fmt.Sprintf("%d MiB", (n+1<<19)>>20) }
