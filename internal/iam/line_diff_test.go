package iam

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func marks(lines []DiffLine) []string {
	var out []string
	for _, l := range lines {
		if l.Op != ' ' {
			out = append(out, string(l.Op)+strings.TrimSpace(l.Text))
		}
	}
	return out
}

// IAM gives principals back in another order and takes single ones out of their list:
// a reviewer is to see the address that comes, and nothing else.
func TestDiffLinesPassOverWhatIAMRewrites(t *testing.T) {
	before := `{"Statement":[{"Sid":"A","Principal":{"AWS":["bob","alice"]},"Action":["sts:AssumeRole"],"Condition":{"NotIpAddress":{"aws:SourceIp":["103.15.250.0/24","12.148.72.0/23"]}}}]}`
	after := `{"Statement":[{"Sid":"A","Principal":{"AWS":["alice","bob"]},"Action":"sts:AssumeRole","Condition":{"NotIpAddress":{"aws:SourceIp":["12.148.72.0/23","103.15.250.0/24","198.41.128.0/24"]}}}]}`
	want := []string{`+"198.41.128.0/24"`}
	if d := cmp.Diff(want, marks(DiffLines(before, after))); d != "" {
		t.Errorf("lines that differ (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string(nil), marks(DiffLines(before, before))); d != "" {
		t.Errorf("a document differs from itself:\n%s", d)
	}
}
