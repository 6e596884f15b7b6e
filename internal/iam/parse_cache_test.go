package iam

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

func numbered(i int) string {
	return strings.Replace(doc(allowAlice), "alice", fmt.Sprintf("alice-%04d", i), 1)
}

func TestParseCacheIsBoundedAndKeepsWhatIsUsed(t *testing.T) {
	c := newParseCache(40_000, ParsePolicy)
	first := c.parse(numbered(0))
	for i := 1; i < 2_000; i++ {
		c.parse(numbered(i))
		if got := c.parse(numbered(0)); got != first {
			t.Fatalf("after %d others a document in use was parsed again", i)
		}
	}
	kept := 0
	for _, generation := range []map[string]*Policy{c.young, c.old} {
		for text := range generation {
			kept += len(text)
		}
	}
	if kept > 2*c.limit || len(c.young)+len(c.old) == 0 {
		t.Errorf("%d characters are kept, the limit is twice %d", kept, c.limit)
	}
	large := doc(allowAlice, strings.Repeat(" ", c.limit))
	if c.parse(large); c.young[large] != nil {
		t.Error("a document larger than the cache is kept")
	}
}

// TestEvaluateIsPure: neither earlier calls nor concurrent callers make a difference.
func TestEvaluateIsPure(t *testing.T) {
	docs := []string{doc(allowAlice), doc(allowAlice, denyIf(`{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`)), "", "{", articleTrust}
	reqs := []Request{aliceFrom("203.0.113.7"), aliceFrom("8.8.8.8")}
	want := map[string]Decision{}
	for i, r := range reqs {
		for j, d := range docs {
			want[fmt.Sprint(i, j)] = Decide(r, ParsePolicy(d), []*Policy{ParsePolicy(docs[1])})
		}
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 50 {
				for i, r := range reqs {
					for j, d := range docs {
						if got := Evaluate(r, d, []string{docs[1]}); got != want[fmt.Sprint(i, j)] {
							t.Errorf("Evaluate: %+v, Decide: %+v", got, want[fmt.Sprint(i, j)])
						}
					}
				}
			}
		})
	}
	all.Wait()
}
