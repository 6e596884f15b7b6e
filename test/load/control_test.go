package load

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/test/harness"
)

// measureControl measures how soon things happen in a rollout to many accounts.
func measureControl(t *testing.T, y *yard, r *report) {
	s := r.section(t, "How soon", fmt.Sprintf("In rollouts to %s accounts at %s a call; all processes share the processors.", number(y.accounts), latency))
	y.slowly(latency)
	y.await()
	id := y.Decide(y.more(), "How soon it begins")
	rollout, err := y.api.Rollout(id)
	if err != nil {
		y.t.Fatal(err)
	}
	y.whenWritten(rollout.Started, 40)
	paused := time.Now()
	y.post(id, "pause")
	quiet := y.quiet(rollout.Started).Add(latency).Sub(paused)
	first := y.writes(rollout.Started, 3*y.accounts)[0].Time.Sub(rollout.Started)
	s.add("from apply to the first write in AWS, two calls before it included", "≤ 300 ms"+missed(first <= 300*time.Millisecond), "%d ms", first.Milliseconds())
	s.add("from pause until the last answer to a write", "≤ one call + 200 ms"+missed(quiet <= latency+200*time.Millisecond), "%d ms", quiet.Milliseconds())
	y.post(id, "resume")
	y.api.WaitForRollout(id, patience)

	y.slowly(0)
	one := y.roll(y.more(), "One console")
	other := harness.Serve(y.t, y.db, y.env...)
	two := y.roll(y.more(), "Two consoles")
	y.slowly(latency)
	y.await()
	id = y.Decide(y.more(), "One is killed")
	y.whenWritten(two.rollout.Ended, y.accounts)
	other.Kill()
	y.api.WaitForRollout(id, patience)
	s.add("longest pause of an account after one of two consoles was killed", "≤ 10 s", "%s", seconds(y.longest(id)))
	s.add("rollout at 0 ms a call: one console, two, ratio", "", "%s, %s, %.2f", seconds(one.wall), seconds(two.wall), two.wall.Seconds()/one.wall.Seconds())
}

// measureThrottling measures rollouts while a share of all calls is throttled.
func measureThrottling(t *testing.T, r *report) {
	const accounts = 40
	y := newYard(t, accounts)
	s := r.section(t, "Under throttling", fmt.Sprintf("%d accounts, three writes in each, 50 ms a call. The given share of all calls is throttled at random, regardless of the rate. The\nconsole slows down to five calls a second and account while some are accepted, and repeats each call until it succeeds.", accounts))
	y.slowly(latency)
	y.roll(y.mapAll(), "Five people may take three roles")
	for _, share := range []float64{0, 0.3, 0.6, 0.9} {
		y.slowly(latency, sandbox.Fault{Actions: []string{"iam:*", "sts:*"}, Throttle: share})
		one := y.roll(y.more(), fmt.Sprint(share))
		s.add(fmt.Sprintf("%.0f %% throttled: time, calls an account; accounts lost", 100*share), "lost: 0", "%s, %.1f; %d", seconds(one.wall), y.each(one.calls), accounts-one.rollout.Counts["succeeded"])
	}
}

// measureShell measures what people do today: a shell loop of the AWS command line.
func measureShell(t *testing.T, r *report) {
	path, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("there is no aws on PATH (Debian: awscli)")
	}
	const accounts = 50
	y := newYard(t, accounts)
	y.slowly(latency)
	one := y.roll(y.AddMapping(harness.Mapping{Role: "Bob", Users: "alice\nbob", Allowlists: []string{"office"}, Except: nowhere}), "Alice and Bob may assume Bob")
	loop := y.shellLoop(path, one.id)
	s := r.section(t, "Compared with a shell loop of the AWS command line", fmt.Sprintf("%d accounts × 1 role × 2 users, 50 ms a call. The loop is a script that people write by hand: `xargs -P %d` over the accounts. In each\nit assumes the role, reads, writes three documents and reads them back, with one `aws` command for each call.", accounts, concurrency))
	s.add("rollout, shell loop, ratio", "", "%s, %s, %.2f", seconds(one.wall), seconds(loop), one.wall.Seconds()/loop.Seconds())
}

// shellScript works on the account of its folder.
const shellScript = `set -eu
cd "$1"
set -- $("$AWS" sts assume-role --role-arn "arn:aws:iam::$(cat id):role/PortcullisDeploy" --role-session-name shell --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]' --output text)
export AWS_ACCESS_KEY_ID=$1 AWS_SECRET_ACCESS_KEY=$2 AWS_SESSION_TOKEN=$3
"$AWS" iam get-account-authorization-details --filter User Role > before.json
for f in role-*; do "$AWS" iam update-assume-role-policy --role-name "${f#role-}" --policy-document "file://$f"; done
for f in user-*; do "$AWS" iam put-user-policy --user-name "${f#user-}" --policy-name PortcullisAssumeRole --policy-document "file://$f"; done
"$AWS" iam get-account-authorization-details --filter User Role > after.json
`

func (y *yard) shellLoop(path, rollout string) time.Duration {
	y.t.Helper()
	dir := y.t.TempDir()
	for id, documents := range y.written(rollout) {
		place := dir + "/" + string(id)
		y.must(os.Mkdir(place, 0o755))
		y.must(os.WriteFile(place+"/id", []byte(id), 0o600))
		for _, d := range documents {
			kind := map[access.ResourceKind]string{access.ResourceRole: "role-", access.ResourceUser: "user-"}[d.resource.Kind]
			y.must(os.WriteFile(place+"/"+kind+d.resource.Name, []byte(d.text), 0o600))
		}
	}
	y.must(os.WriteFile(dir+"/account.sh", []byte(shellScript), 0o600))
	cmd := exec.Command("sh", "-c", fmt.Sprintf("ls -d */ | xargs -P %d -n 1 sh account.sh", concurrency))
	cmd.Dir, cmd.Env = dir, append(os.Environ(), append(y.box.Env(), "AWS="+path, "AWS_DEFAULT_REGION="+harness.Region)...)
	_, before := callsOf(y.box)
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		y.t.Fatalf("the shell loop: %v\n%s", err, out)
	}
	took := time.Since(began)
	if _, after := callsOf(y.box); after-before != 3*y.accounts {
		y.t.Errorf("the shell loop made %d writes, want %d", after-before, 3*y.accounts)
	}
	return took
}

func (y *yard) must(err error) {
	y.t.Helper()
	if err != nil {
		y.t.Fatal(err)
	}
}

func (y *yard) post(rollout, step string) {
	y.t.Helper()
	if status, answer := y.API(y.Operator).Post("/rollouts/"+rollout+"/"+step, nil); status != http.StatusOK {
		y.t.Fatalf("%s: %d %s", step, status, answer)
	}
}

// writes are the newest writes of trust policies in the sandbox's record, so many at most,
// since a time.
func (y *yard) writes(since time.Time, most int) []sandbox.Call {
	y.t.Helper()
	return slices.DeleteFunc(y.box.NewestOf("iam:UpdateAssumeRolePolicy", most), func(c sandbox.Call) bool { return !c.Time.After(since) })
}

func (y *yard) whenWritten(since time.Time, n int) {
	y.t.Helper()
	harness.EventuallyGently(y.t, patience, fmt.Sprintf("%d writes", n), func() (bool, string) {
		done := len(y.writes(since, n))
		return done >= n, fmt.Sprint(done)
	})
}

// quiet waits until a second has passed without a write, and returns when the last one
// was sent.
func (y *yard) quiet(since time.Time) time.Time {
	y.t.Helper()
	var last time.Time
	harness.EventuallyGently(y.t, time.Minute, "no more is written", func() (bool, string) {
		last = y.writes(since, 1)[0].Time
		return time.Since(last) > time.Second, last.String()
	})
	return last
}

// longest is how long the account that took longest was worked on or waited for.
func (y *yard) longest(rollout string) time.Duration {
	y.t.Helper()
	var most time.Duration
	for _, target := range y.api.Targets(rollout) {
		most = max(most, target.EndedAt.Sub(target.StartedAt))
	}
	return most
}
