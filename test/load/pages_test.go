package load

import (
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"portcullis.internal/portcullis/test/harness"
)

// The load that pages are measured under.
const (
	perSecond = 100
	loadFor   = 20 * time.Second
	clients   = 16 // at once, when it is measured how much a page can take
	fillFor   = 2 * time.Second
	fillTurns = 5
)

// The goals.
const (
	listGoal  = 15 * time.Millisecond
	worstGoal = 30 * time.Millisecond
	growGoal  = 1.3
	shareGoal = 0.5
)

// visit is one address that is asked for, and how long it took each time.
type visit struct {
	path  string
	api   bool
	worst bool // held to the goal of the worst page, not of lists
	took  []time.Duration
}

func visits(review string) []*visit {
	return []*visit{
		{path: "/", worst: true},
		{path: "/allowlists"},
		{path: "/allowlists/al-large"},
		{path: "/allowlists/al-large?q=office+77"},
		{path: "/allowlists/al-5", worst: true},
		{path: "/mappings"},
		{path: "/mappings?user=user3"},
		{path: "/mappings?q=role3"},
		{path: "/mappings/mp-0", worst: true},
		{path: "/accounts"},
		{path: "/accounts?ou=ou-ab12-00000007"},
		{path: "/accounts?q=account-77"},
		{path: "/accounts/100000000007", worst: true},
		{path: "/changes?tab=all"},
		{path: review, worst: true},
		{path: "/rollouts"},
		{path: "/settings"},
		{path: "/history"},
		{path: "/explain?account=100000000007&role=Review&user=user1&source_ip=9.9.9.9", worst: true},
		{path: "/api/v1/accounts?limit=50", api: true},
		{path: "/api/v1/allowlists?limit=50", api: true},
		{path: "/api/v1/mappings?limit=50", api: true},
		{path: "/api/v1/changes?limit=50", api: true},
		{path: "/api/v1/allowlists/al-large?limit=50", api: true},
	}
}

// reader asks for pages with a session, and for lists of the API with a token.
type reader struct {
	base, token string
	client      *http.Client
}

func newReader(t *testing.T, crew *harness.Crew, p harness.Person) *reader {
	t.Helper()
	return &reader{base: crew.URL(), token: p.Token, client: crew.SignIn(p).Client()}
}

// get asks for a page and returns how long it took until all of it was there.
func (r *reader) get(path string, api bool) (time.Duration, error) {
	request, err := http.NewRequest(http.MethodGet, r.base+path, nil)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Accept-Encoding", "gzip") // said by hand, it is not unpacked: browsers do that on machines of their own
	if api {
		request.Header.Set("Authorization", "Bearer "+r.token)
	}
	began := time.Now()
	resp, err := r.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	took := time.Since(began)
	if err == nil && (resp.StatusCode != http.StatusOK || n == 0 || strings.HasPrefix(resp.Request.URL.Path, "/signin")) {
		err = fmt.Errorf("%s: %s", path, resp.Status)
	}
	return took, err
}

func measurePages(t *testing.T, r *report) {
	sizes := []company{full.over(100), full.over(10), full}
	alone := make([]map[string]time.Duration, len(sizes))
	s := r.section(t, "Pages", "")
	for i, size := range sizes {
		crew, db, review := newCompany(t, size)
		me := newReader(t, crew, crew.Editor)
		all := visits(review)
		alone[i] = map[string]time.Duration{}
		for _, v := range all {
			alone[i][v.path] = alongside(t, me, v)
		}
		if size == full {
			s.intro = fmt.Sprintf("The database holds %s, %d allowlists, and a change in review that writes to every account. The client requests pages and lists of the API in turn, %d in a second for %s, each of them complete and compressed, and shares the processors with the console. Alone: no other request runs, the median of 30.", size, lists+2, perSecond, loadFor)
			pressed(t, s, crew, db, me, all, alone[i])
			saturated(t, s, crew, db, me)
			exported(t, s, me)
			s.add("memory of the console: now, and at most", "", "%s, %s", mebibytes(crew.RSS()), mebibytes(crew.PeakRSS()))
		}
		crew.Stop()
	}
	grown(s, alone)
}

// alongside is how long a page takes when nothing else is asked for: the median.
func alongside(t *testing.T, me *reader, v *visit) time.Duration {
	t.Helper()
	var took []time.Duration
	for range 30 {
		d, err := me.get(v.path, v.api)
		if err != nil {
			t.Fatal(err)
		}
		took = append(took, d)
	}
	return quantile(took, 0.5)
}

func quantile(took []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(took))
	return sorted[min(len(sorted)-1, int(math.Ceil(q*float64(len(sorted))))-1)]
}

// pressed asks for everything in turn at the set rate, whether or not the answers keep
// up. What waits for its turn is counted as waiting.
func pressed(t *testing.T, s *section, crew *harness.Crew, db *harness.Database, me *reader, all []*visit, alone map[string]time.Duration) {
	var mu sync.Mutex
	var failed []error
	var wg sync.WaitGroup
	used, began := crew.CPU(), time.Now()
	tick := time.NewTicker(time.Second / perSecond)
	for i := range perSecond * int(loadFor/time.Second) {
		due := <-tick.C
		v := all[i%len(all)]
		wg.Go(func() {
			_, err := me.get(v.path, v.api)
			mu.Lock()
			defer mu.Unlock()
			v.took = append(v.took, time.Since(due))
			if err != nil {
				failed = append(failed, err)
			}
		})
	}
	tick.Stop()
	wg.Wait()
	used, took := crew.CPU()-used, time.Since(began)
	if len(failed) > 0 {
		t.Errorf("%d of the requests failed, the first: %v", len(failed), failed[0])
	}
	asked := newCounter(db)
	for _, v := range all {
		goal := listGoal
		if v.worst {
			goal = worstGoal
		}
		p99 := quantile(v.took, 0.99)
		s.add("`"+v.path+"`: alone; p50 and p99 under load; queries", fmt.Sprintf("p99 ≤ %d ms%s", goal.Milliseconds(), over(p99 > goal)), "%s; %s, %s; %.0f",
			millis(alone[v.path]), millis(quantile(v.took, 0.5)), millis(p99), asked.queries(t, me, v))
	}
	s.add("processor time of the console per request", "", "%s; %.0f %% of the two processors", millis(used/time.Duration(perSecond*int(loadFor/time.Second))), 50*used.Seconds()/took.Seconds())
}

func over(missed bool) string {
	if missed {
		return ", missed"
	}
	return ""
}

func millis(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }

// counter counts what pages ask of the database. Postgres counts transactions, and
// whatever only reads makes one of each query; what runs in the background is taken off.
type counter struct {
	db         *harness.Database
	last, idle int
}

func newCounter(db *harness.Database) *counter {
	c := &counter{db: db}
	before := c.read()
	c.last = c.read()
	c.idle = c.last - before
	return c
}

// read waits until Postgres has counted everything: a connection at rest reports what it
// did after ten seconds at the latest.
func (c *counter) read() int {
	c.db.Exec("SELECT pg_sleep(10.5)")
	return c.db.Int("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
}

// queries is how many one request for a page takes.
func (c *counter) queries(t *testing.T, me *reader, v *visit) float64 {
	t.Helper()
	const n = 100
	for range n {
		if _, err := me.get(v.path, v.api); err != nil {
			t.Fatal(err)
		}
	}
	now := c.read()
	asked := float64(now-c.last-c.idle) / n
	c.last = now
	return math.Round(asked)
}

// saturated holds a list to the reference: how many a second, with so many clients. All
// take turns, so that a machine that is busy for a while is so for all. The reference packs
// its page as the console does; beside it stands the same page unpacked.
func saturated(t *testing.T, s *section, crew *harness.Crew, db *harness.Database, me *reader) {
	program := buildReference(t)
	packed, plain := startReference(t, program, db.URL, "/accounts"), startReference(t, program, db.URL, "/unpacked")
	var ours, reference, unpacked turns
	used := crew.CPU()
	for range fillTurns {
		ours.fill(t, me, "/accounts")
		reference.fill(t, packed.reader, packed.path)
		unpacked.fill(t, plain.reader, plain.path)
	}
	used = crew.CPU() - used
	s.add(fmt.Sprintf("`/accounts`: most in a second, %d at once, the median of %d turns; processor time per request", clients, fillTurns), "", "%.0f; %s", median(ours.rates), ours.each(used))
	s.add("the same facts of the same rows by a bare page of echo, gorm and templ, also compressed", "", "%.0f; %s", median(reference.rates), reference.each(packed.stop()))
	s.add("– and not compressed", "", "%.0f; %s", median(unpacked.rates), unpacked.each(plain.stop()))
	share := ours.share(reference)
	s.add("ours ÷ bare", fmt.Sprintf("≥ %.1f%s", shareGoal, over(share < shareGoal)), "%.2f", share)
	s.add("ours ÷ bare and not compressed", "", "%.2f", ours.share(unpacked))
}

// turns are the turns of one server: how many answers a second came in each, and in all.
type turns struct {
	rates []float64
	asked int
}

func (r *turns) fill(t *testing.T, me *reader, path string) {
	t.Helper()
	n := fill(t, me, path)
	r.rates, r.asked = append(r.rates, float64(n)/fillFor.Seconds()), r.asked+n
}

// share is how much of another's rate this is: the median of the turns.
func (r *turns) share(of turns) float64 {
	shares := make([]float64, len(r.rates))
	for i := range shares {
		shares[i] = r.rates[i] / of.rates[i]
	}
	return median(shares)
}

// each is how much of a processor's time one request took.
func (r *turns) each(used time.Duration) string { return millis(used / time.Duration(r.asked)) }

func median(of []float64) float64 { return slices.Sorted(slices.Values(of))[len(of)/2] }

func transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 2 * clients
	return t
}

// fill asks with all clients for a while, and returns how many answers came.
func fill(t *testing.T, me *reader, path string) int {
	t.Helper()
	stop := time.Now().Add(fillFor)
	counts, errs := make([]int, clients), make([]error, clients)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for time.Now().Before(stop) && errs[i] == nil {
				_, errs[i] = me.get(path, false)
				counts[i]++
			}
		})
	}
	wg.Wait()
	sum := 0
	for i := range clients {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		sum += counts[i]
	}
	return sum
}

// exported measures the download of the large list.
func exported(t *testing.T, s *section, me *reader) {
	began := time.Now()
	resp, err := me.client.Get(me.base + "/allowlists/al-large/entries.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var first [1]byte
	if _, err := io.ReadFull(resp.Body, first[:]); err != nil {
		t.Fatal(err)
	}
	byteOne := time.Since(began)
	n, err := io.Copy(io.Discard, resp.Body)
	if err != nil || n < int64(full.entries) {
		t.Fatalf("%d bytes of the export: %v", n, err)
	}
	s.add(fmt.Sprintf("export of %d rows as CSV: first byte, all of it", full.entries), "", "%s, %s", millis(byteOne), millis(time.Since(began)))
}

// grown says how much longer each page takes with ten times as much in the database: the
// geometric mean of the two steps.
func grown(s *section, alone []map[string]time.Duration) {
	paths := slices.Sorted(maps.Keys(alone[0]))
	for _, path := range paths {
		first, middle, last := alone[0][path], alone[1][path], alone[2][path]
		step := math.Sqrt(float64(last) / float64(first))
		s.add("`"+path+"`: alone at 1×, 10×, 100×; growth per 10×", fmt.Sprintf("≤ %.1f%s", growGoal, over(step > growGoal)), "%s, %s, %s; %.2f", millis(first), millis(middle), millis(last), step)
	}
}
