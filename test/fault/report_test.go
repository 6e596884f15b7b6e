package fault

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"portcullis/test/harness"
)

var reportPath = flag.String("report", "", "write what was seen to this file, when all tests passed")

// seen is what the tests that passed have to tell, for docs/reliability.md.
var seen struct {
	mu       sync.Mutex
	failed   bool
	chapters []chapter
}

// chapter is what one test has to tell.
type chapter struct {
	t     *testing.T
	title string
	story string
	facts []string
	began time.Time
}

// tell adds a chapter when the test ends, with the facts it has collected by then.
func tell(t *testing.T, title, story string) *chapter {
	t.Helper()
	c := &chapter{t: t, title: title, story: story, began: time.Now()}
	t.Cleanup(func() {
		seen.mu.Lock()
		defer seen.mu.Unlock()
		seen.failed = seen.failed || t.Failed()
		if !t.Failed() && !t.Skipped() {
			seen.chapters = append(seen.chapters, *c)
		}
	})
	return c
}

// fact notes something that was seen.
func (c *chapter) fact(format string, args ...any) {
	c.t.Helper()
	c.facts = append(c.facts, fmt.Sprintf(format, args...))
	c.t.Logf("seen after %.1f s: %s", time.Since(c.began).Seconds(), c.facts[len(c.facts)-1])
}

// mostAtOnce is how many tests run at once, on however few processors: most of the time
// they wait for a lease to run out, or for the sandbox, which is told to be slow.
const mostAtOnce = "4"

func TestMain(m *testing.M) {
	flag.Parse()
	if !full() {
		if err := flag.Set("test.parallel", mostAtOnce); err != nil {
			panic(err)
		}
	}
	harness.AtEnd(writeReport)
	harness.Main(m)
}

func writeReport() error {
	seen.mu.Lock()
	defer seen.mu.Unlock()
	if *reportPath == "" || seen.failed || len(seen.chapters) == 0 {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, reportIntro, time.Now().UTC().Format(time.DateOnly))
	b.WriteString("\n| fault | requirement | observed |\n|---|---|---|\n")
	slices.SortFunc(seen.chapters, func(x, y chapter) int { return cmp.Compare(x.title, y.title) })
	for _, c := range seen.chapters {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", c.title, cell(c.story), cell(strings.Join(c.facts, "; ")))
	}
	b.WriteString(reportLimits)
	return os.WriteFile(*reportPath, []byte(b.String()), 0o644)
}

// cell fits a text into a table.
func cell(text string) string {
	return strings.TrimSuffix(strings.ReplaceAll(strings.ReplaceAll(text, "\n", " "), "|", "/"), ".")
}

const reportIntro = `# Reliability

What was seen when things were made to go wrong. Written by ` + "`make fault`" + `, which fails unless every line below is true;
the last run was on %s. The tests are in ` + "`test/fault`" + `; a selection of them runs with ` + "`make test`" + `.

In the end of every rollout below the same was checked, by the sandbox's own record and by the database: no account is missing,
stuck or counted twice; the sandbox holds each document as it was approved; the statements of others are as they were; the console
kept each document as it was before the rollout, not as an interrupted attempt had left it; every write stands in the audit log
exactly once, and the log's chain verifies; and the same push once more writes nothing.

**Recovery.** A worker claims an account with a lease of six seconds and renews it every two. When the worker dies, the lease
expires. A running console finds that within a second and requeues the account: seven seconds after a kill, eight more if a job
had been fetched but no account claimed yet. Leases are counted by the clock of the database, and by each worker's own monotonic
clock: what the clock on the wall says plays no part.
A console that is stopped in the middle of a transaction holds what it has locked: where that is a rollout or the end of the audit
log, which the others need too, Postgres ends the transaction after five seconds; anything else after thirty. Going on, that console
gets an error for its current step, which is then retried as after a kill.

**Pauses.** After a pause, a halt or an abort nothing is written to an account in which writing had not begun: it waits, or
is skipped. An account in which it had begun is finished, so that none is left half written.

**Counts.** The counts of a rollout decide which accounts it starts next. It moves in the transaction that moves its targets; and every ten seconds
each console compares the counts with the targets. If they differ, it logs an error and counts again, so that the rollout
neither stops nor exceeds its limit of accounts in flight. In none of the runs below did they differ.
`

const reportLimits = `
## What no console can prevent

IAM has no compare-and-swap. Between the reading of a trust policy and its writing somebody else's edit of the same document is
overwritten. The console reads right before it writes, so that this window is as long as the calls between: mostly some hundred
milliseconds. It is never longer than fifteen seconds and one call: a write that has waited for longer, since AWS throttles or does
not answer, reads its document anew. What was there at the reading is kept, and an edit of our own part that comes after the write is noticed when it is
read back. A write that was already on the wire when its worker froze cannot be called back; it carries the same document that the
next worker writes.
`
