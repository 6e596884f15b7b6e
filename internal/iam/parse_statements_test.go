package iam

import (
	"strings"
	"testing"
)

func TestParseStatementsRoundTrip(t *testing.T) {
	const doc = `{"Version":"2012-10-17","Statement":[` +
		`{"Sid":"PortcullisAllow","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/alice"},"Action":"sts:AssumeRole"},` +
		`{"Sid":"Others","Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"},` +
		`{"Sid":"PortcullisDeny","Effect":"Deny","Principal":{"AWS":"arn:aws:iam::111122223333:user/alice"},"Action":"sts:AssumeRole",` +
		`"Condition":{"NotIpAddress":{"aws:SourceIp":["103.15.250.0/24","12.148.72.0/23"]}}}]}`
	list, err := Ours(doc)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := ParseStatements(list)
	if err != nil {
		t.Fatal(err)
	}
	if len(ours) != 2 {
		t.Fatalf("got %d statements of ours, want 2", len(ours))
	}
	merged, _, err := Merge(doc, ours)
	if err != nil {
		t.Fatal(err)
	}
	if !Equal(merged, doc, nil) {
		t.Errorf("merging our own statements back changed the meaning:\ngot  %s\nwant %s", merged, doc)
	}
	if Size(merged) > Size(doc) {
		t.Errorf("the document grew from %d to %d characters", Size(doc), Size(merged))
	}
}

func TestParseStatementsRefuses(t *testing.T) {
	for name, list := range map[string]string{
		"no list":       `{"Sid":"PortcullisA"}`,
		"foreign Sid":   `[{"Sid":"Mine","Effect":"Allow","Action":"sts:AssumeRole"}]`,
		"no effect":     `[{"Sid":"PortcullisA","Action":"sts:AssumeRole"}]`,
		"NotPrincipal":  `[{"Sid":"PortcullisA","Effect":"Deny","NotPrincipal":{"AWS":"*"},"Action":"sts:AssumeRole"}]`,
		"service":       `[{"Sid":"PortcullisA","Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]`,
		"two effects":   `[{"Sid":"PortcullisA","Effect":"Allow","Effect":"Deny","Action":"sts:AssumeRole"}]`,
		"not JSON":      `[`,
		"number action": `[{"Sid":"PortcullisA","Effect":"Allow","Action":1}]`,
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := ParseStatements(list); err == nil {
				t.Errorf("ParseStatements(%s) = %v, want an error", list, got)
			} else if strings.TrimSpace(err.Error()) == "" {
				t.Error("the error says nothing")
			}
		})
	}
}
