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

	"portcullis.internal/portcullis/test/harness"
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

This page shows what the console does under faults. ` + "`make fault`" + ` writes it, and fails unless every line below is
true. The last run was on %s. The tests are in ` + "`test/fault`" + `; ` + "`make test`" + ` runs some of them.

At the end of every rollout below, the test checks the sandbox's own record and the database:

- No account is missing, stuck or counted twice.
- The sandbox has each document as it was approved, and statements of others are unchanged.
- The console has each document as it was before the rollout, not as an interrupted attempt left it.
- Every write is in the audit log exactly once, and the chain of the log verifies.
- The same push, repeated, writes nothing.

**Recovery.** A worker claims an account with a lease of six seconds and renews it every two seconds. When the
worker dies, the lease expires. Every console looks for expired leases, finds this one within a second and requeues
the account. That is seven seconds after a kill, and eight seconds more if the job was fetched but the account not
yet claimed. Leases use the clock of the database and the monotonic clock of each worker, never the wall clock.

A console that is frozen in a transaction keeps its locks. If it holds the lock of a rollout or of the end of the
audit log, Postgres aborts the transaction after five seconds, because other consoles wait for these rows. Other
transactions are aborted after thirty seconds. When the console resumes, its step fails, and another claim repeats
the step as after a kill.

**AWS.** If AWS refuses the console's own credentials, the replica gives the target back, starts no others and asks
AWS again every five seconds. Targets with writes are requeued within two seconds, all others are started again at once.
While AWS does not answer, each replica reports its silent accounts every two seconds, and the pages of all replicas
show the last report. A report counts for fifteen seconds.

**Pause, halt and abort.** Afterwards, nothing is written to an account without a write: the account waits or is
skipped. An account with a write is finished, so that no account stays half written.

**Counts.** A rollout starts accounts by its counts. They change in the transaction that changes the targets. Every
ten seconds each console compares the counts with the targets. If they differ, the console logs an error and
recounts, so that the rollout does not get stuck or exceed its limit of accounts in flight. They did not differ in
any of the runs below.
`

const reportLimits = `
## Limits of every console

IAM has no conditional write. An edit that others make between our read and our write of the same document is
overwritten. The console reads right before it writes, so this gap lasts as long as the calls in between, mostly
some hundred milliseconds. It is never longer than fifteen seconds and one call: a write that waited longer, because
AWS throttles or does not answer, reads its document again. Statements that were there at the read are kept. The
console notices an edit of our own statements after the write when it reads the document back. It cannot cancel a
write that was already sent when its worker froze. That write has the same document that the next worker writes.

A rollout writes a user policy that opens a role only after it has read the trust policy of the role back, also in
another account. The last read is at most 60 seconds old at the write. An edit that others make to this trust policy
between that read and the write of the user policy cannot be excluded: if the edit removes our Deny, and a statement
of others admits the user, the user policy opens the role without the allowlist. The same holds between the read-back
of a user policy and the write of the trust policy that removes the Deny of a removed user: an edit by others in
between can restore a permission of this user.

Other permissions of a user are those of the last scan of the account. They are inline policies of others, attached
policies and groups. A permission that others add after the scan can open a role to a removed user, if a statement of
others in the trust policy admits the account of the user.
`
