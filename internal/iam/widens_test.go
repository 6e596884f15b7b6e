package iam

import (
	"slices"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
)

var widensAt = TrustContext{
	Account: "111122223333", Partition: "aws", Role: access.RoleName{Path: "/", Name: "Bob"},
}

const (
	aliceARN = "arn:aws:iam::111122223333:user/alice"
	carolARN = "arn:aws:iam::111122223333:user/carol"
	rootOpen = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}`
	bobsARN  = "arn:aws:iam::111122223333:role/Bob"
)

func allowTo(arn string) string {
	return `{"Effect":"Allow","Principal":{"AWS":"` + arn + `"},"Action":"sts:AssumeRole"}`
}

func denyTo(arn, condition string) string {
	return `{"Effect":"Deny","Principal":{"AWS":"` + arn + `"},"Action":"sts:AssumeRole"` + condition + `}`
}

func notFrom(networks ...string) string {
	return `,"Condition":{"NotIpAddress":{"aws:SourceIp":["` + strings.Join(networks, `","`) + `"]}}`
}

func TestWidenedTrust(t *testing.T) {
	pair := func(networks ...string) string { return doc(allowTo(aliceARN), denyTo(aliceARN, notFrom(networks...))) }
	office := pair("203.0.113.0/24")
	mfa := denyTo(aliceARN, `,"Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}`)
	age := func(seconds string) string {
		return doc(allowTo(aliceARN), denyTo(aliceARN, `,"Condition":{"NumericGreaterThan":{"aws:MultiFactorAuthAge":"`+seconds+`"}}`))
	}
	named := denyTo(aliceARN, `,"Condition":{"StringNotEquals":{"sts:RoleSessionName":"${aws:username}"}}`)
	through := func(endpoint string) string {
		condition := `,"Condition":{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"},` +
			`"StringNotEquals":{"aws:SourceVpce":"` + endpoint + `"}}`
		return doc(allowTo(aliceARN), denyTo(aliceARN, condition))
	}
	tests := map[string]struct {
		from, to string
		want     []string
	}{
		"a new user":                   {"", office, []string{aliceARN}},
		"a user less":                  {office, "", nil},
		"a wider network":              {office, pair("203.0.112.0/23"), []string{aliceARN}},
		"a narrower network":           {office, pair("203.0.113.0/25"), nil},
		"the same in two halves":       {office, pair("203.0.113.0/25", "203.0.113.128/25"), nil},
		"one address more":             {office, pair("203.0.113.0/24", "192.0.2.1/32"), []string{aliceARN}},
		"another network":              {office, pair("198.51.100.0/24"), []string{aliceARN}},
		"a Deny less":                  {office, doc(allowTo(aliceARN)), []string{aliceARN}},
		"a Deny more":                  {doc(allowTo(aliceARN)), office, nil},
		"MFA no more":                  {doc(allowTo(aliceARN), mfa), doc(allowTo(aliceARN)), []string{aliceARN}},
		"MFA from now on":              {doc(allowTo(aliceARN)), doc(allowTo(aliceARN), mfa), nil},
		"older MFA":                    {age("3600"), age("7200"), []string{aliceARN}},
		"younger MFA":                  {age("7200"), age("3600"), nil},
		"any session name":             {doc(allowTo(aliceARN), named), doc(allowTo(aliceARN)), []string{aliceARN}},
		"the own session name":         {doc(allowTo(aliceARN)), doc(allowTo(aliceARN), named), nil},
		"another VPC endpoint":         {through("vpce-1"), through("vpce-2"), []string{aliceARN}},
		"another user in the account":  {doc(rootOpen, denyTo(carolARN, notFrom("203.0.113.0/24"))), doc(rootOpen), []string{carolARN}},
		"a Deny past a stranger Allow": {doc(rootOpen), doc(rootOpen, denyTo(aliceARN, notFrom("203.0.113.0/24"))), nil},
		"a document that is no JSON":   {office, "{", []string{"*"}},
		"the same":                     {office, office, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := WidenedTrust(widensAt, tt.from, tt.to); !slices.Equal(got, tt.want) {
				t.Errorf("WidenedTrust lists %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWidenedTrustOfEveryone(t *testing.T) {
	everyone := denyTo("*", notFrom("203.0.113.0/24"))
	got := WidenedTrust(widensAt, doc(rootOpen, everyone), doc(rootOpen))
	if want := "arn:aws:iam::111122223333:user/" + someUser; !slices.Contains(got, want) {
		t.Errorf("WidenedTrust lists %q, want any user of the account (%s) among them", got, want)
	}
	if got := WidenedTrust(widensAt, doc(rootOpen), doc(rootOpen, everyone)); len(got) > 0 {
		t.Errorf("WidenedTrust lists %q for a Deny more, want nothing", got)
	}
}

func TestWidenedTrustByUserName(t *testing.T) {
	byName := func(names string) string {
		return doc(`{"Sid":"PortcullisUserSide","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},` +
			`"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:username":[` + names + `]}}}`)
	}
	got := WidenedTrust(widensAt, byName(`"alice"`), byName(`"alice","carol"`))
	if want := []string{carolARN}; !slices.Equal(got, want) {
		t.Errorf("WidenedTrust lists %q, want %q", got, want)
	}
	if got := WidenedTrust(widensAt, byName(`"alice","carol"`), byName(`"alice"`)); len(got) > 0 {
		t.Errorf("WidenedTrust lists %q for a name less, want nothing", got)
	}
}

func TestWidenedUser(t *testing.T) {
	alice := access.UserName{Account: "111122223333", Path: "/", Name: "alice"}
	allow := func(resource, condition string) string {
		return `{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"` + resource + `"` + condition + `}`
	}
	from := func(network string) string {
		return `,"Condition":{"IpAddress":{"aws:SourceIp":"` + network + `"}}`
	}
	const other, all = "arn:aws:iam::444455556666:role/Eve", "arn:aws:iam::*:role/Bob"
	tests := map[string]struct {
		from, to string
		want     []string
	}{
		"a first role":        {"", doc(allow(bobsARN, "")), []string{bobsARN}},
		"a role more":         {doc(allow(bobsARN, "")), doc(allow(bobsARN, ""), allow(other, "")), []string{other}},
		"a role less":         {doc(allow(bobsARN, ""), allow(other, "")), doc(allow(bobsARN, "")), nil},
		"the role anywhere":   {doc(allow(bobsARN, "")), doc(allow(all, "")), []string{all}},
		"another network":     {doc(allow(bobsARN, from("192.0.2.0/24"))), doc(allow(bobsARN, from("198.51.100.0/24"))), []string{bobsARN}},
		"a part of a network": {doc(allow(bobsARN, from("192.0.2.0/24"))), doc(allow(bobsARN, from("192.0.2.0/25"))), nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := WidenedUser(alice, "aws", tt.from, tt.to); !slices.Equal(got, tt.want) {
				t.Errorf("WidenedUser lists %q, want %q", got, tt.want)
			}
		})
	}
	deny := `{"Effect":"Deny","Action":"sts:AssumeRole","Resource":"` + bobsARN +
		`","Condition":{"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}`
	if got, want := LiftedDenies(alice, "aws", doc(deny), ""), []string{bobsARN}; !slices.Equal(got, want) {
		t.Errorf("LiftedDenies lists %q, want %q", got, want)
	}
	if got := LiftedDenies(alice, "aws", "", doc(deny)); len(got) > 0 {
		t.Errorf("LiftedDenies lists %q for a Deny more, want nothing", got)
	}
}
