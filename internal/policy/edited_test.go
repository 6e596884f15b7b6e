package policy

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestEditedNetworks(t *testing.T) {
	const planned = `[{"Sid":"PortcullisAllow","Effect":"Allow","Principal":{"AWS":"` + anyAlice + `"},"Action":"sts:AssumeRole"},` +
		`{"Sid":"PortcullisDeny","Effect":"Deny","Principal":{"AWS":"` + anyAlice + `"},"Action":"sts:AssumeRole","Condition":{"NotIpAddress":{"aws:SourceIp":["103.15.250.0/24","12.148.72.0/23"]}}}]`
	edit := func(old, edited string) string {
		if !strings.Contains(planned, old) {
			t.Fatalf("%s is not in it", old)
		}
		return strings.Replace(planned, old, edited, 1)
	}
	second := strings.Replace(planned[1:len(planned)-1], "PortcullisDeny", "PortcullisDeny2", 1)
	for name, c := range map[string]struct {
		live, planned string
		want          []string
		ok            bool
	}{
		"as planned":           {planned, planned, []string{"12.148.72.0/23", "103.15.250.0/24"}, true},
		"one more":             {edit(`["103.15.250.0/24"`, `["52.94.1.9/32","103.15.250.0/24"`), planned, []string{"12.148.72.0/23", "52.94.1.9/32", "103.15.250.0/24"}, true},
		"one less":             {edit(`["103.15.250.0/24","12.148.72.0/23"]`, `"12.148.72.0/23"`), planned, []string{"12.148.72.0/23"}, true},
		"an address alone":     {edit(`["103.15.250.0/24","12.148.72.0/23"]`, `"52.94.1.9"`), planned, []string{"52.94.1.9/32"}, true},
		"an IPv6 address":      {edit(`["103.15.250.0/24","12.148.72.0/23"]`, `"2600:1f00::1"`), planned, nil, false}, // its length is uncertain
		"somebody else too":    {edit(anyAlice, anyCarol), planned, nil, false},
		"another operator":     {edit("NotIpAddress", "IpAddress"), planned, nil, false},
		"a statement is gone":  {planned[:strings.Index(planned, ",{")] + "]", planned, nil, false},
		"no network":           {edit("103.15.250.0/24", "everywhere"), planned, nil, false},
		"lists that differ":    {"[" + planned[1:len(planned)-1] + "," + strings.Replace(second, "103.15.250.0/24", "52.94.1.0/24", 1) + "]", planned, nil, false},
		"nothing about it":     {`[]`, `[]`, nil, false},
		"what nobody can read": {"{", planned, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := EditedNetworks(c.live, c.planned)
			var texts []string
			for _, p := range got {
				texts = append(texts, p.String())
			}
			if d := cmp.Diff(c.want, texts, cmpopts.SortSlices(func(a, b string) bool { return a < b })); d != "" || ok != c.ok {
				t.Errorf("ok %v, want %v (-want +got):\n%s", ok, c.ok, d)
			}
		})
	}
}
