package policy

import (
	"strings"
	"testing"
	"time"
)

func TestReadGrants(t *testing.T) {
	const (
		allow   = `{"Sid":"PortcullisAllow","Effect":"Allow","Principal":{"AWS":["` + anyAlice + `","` + anyCarol + `"]},"Action":"sts:AssumeRole"}`
		network = `{"Sid":"PortcullisDenyNetwork","Effect":"Deny","Principal":{"AWS":"` + anyAlice + `"},"Action":"sts:AssumeRole","Condition":{"NotIpAddress":{"aws:SourceIp":"103.15.250.0/24"}}}`
		closed  = `{"Sid":"PortcullisDenyNetwork2","Effect":"Deny","Principal":{"AWS":"` + anyCarol + `"},"Action":"sts:AssumeRole"}`
		mfa     = `{"Sid":"PortcullisDenyMFA","Effect":"Deny","Principal":{"AWS":"` + anyAlice + `"},"Action":"sts:AssumeRole","Condition":{"NumericGreaterThanIfExists":{"aws:MultiFactorAuthAge":"900"}}}`
		all     = `{"Sid":"PortcullisDenyEveryone","Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Condition":{"NotIpAddress":{"aws:SourceIp":["103.15.250.0/24","8.8.8.8"]},"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}}}`
	)
	list := func(statements ...string) string { return "[" + strings.Join(statements, ",") + "]" }
	got, err := ReadGrants(list(allow, network, closed, mfa))
	if alice := got.Users[anyAlice]; err != nil || alice.MFAMaxAge != 15*time.Minute || !alice.MFA || len(alice.Prefixes) != 1 || alice.SessionName {
		t.Errorf("alice is let in as %+v (%v)", alice, err)
	}
	if carol, there := got.Users[anyCarol]; !there || !carol.Closed() {
		t.Errorf("carol is let in as %+v, want from nowhere", carol)
	}
	got, err = ReadGrants(list(allow, network, all))
	if carol := got.Users[anyCarol]; err != nil || got.Everyone == nil || len(carol.Prefixes) != 2 || len(got.Users[anyAlice].Prefixes) != 1 {
		t.Errorf("%+v (%v): want carol held to what everyone is held to, and alice to her own", got, err)
	}

	for name, c := range map[string]struct{ statements, text string }{
		"from anywhere":           {list(allow, network), "carol is let in from anywhere"},
		"a Deny for nobody":       {list(network), "alice is in a Deny, and no statement lets them in"},
		"held twice":              {list(allow, network, network, closed), "a second time"},
		"AWS services denied too": {list(allow, network, closed, strings.Replace(all, "aws:PrincipalIsAWSService", "aws:ViaAWSService", 1)), "AWS services included"},
		"less than the Deny":      {list(allow, network, strings.Replace(all, "103.15.250.0/24", "9.9.9.9", 1)), "networks that the Deny for everyone refuses"},
		"another action":          {list(strings.Replace(allow, "sts:AssumeRole", "sts:*", 1)), "PortcullisAllow is about the actions sts:*"},
		"a condition to allow":    {list(strings.Replace(allow, `"Action":`, `"Condition":{"Bool":{"aws:SecureTransport":"true"}},"Action":`, 1)), "allows under a condition on aws:SecureTransport"},
		"somebody deleted":        {list(strings.Replace(allow, anyCarol, "AIDACAROLCAROLCAROL01", 1)), "whose user was deleted"},
		"a whole account":         {list(strings.Replace(allow, "user/", "root/", 1)), "which is no user"},
		"no network":              {list(allow, closed, strings.Replace(network, "103.15.250.0/24", "everywhere", 1)), "NotIpAddress on aws:SourceIp"},
		"an identity of any name": {list(strings.Replace(allow, `"sts:AssumeRole"`, `["sts:AssumeRole","sts:SetSourceIdentity"]`, 1), network, closed), "source identity"},
		"what nobody can read":    {"{", "not a JSON list"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ReadGrants(c.statements); err == nil || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v, want %q", err, c.text)
			}
		})
	}
}
