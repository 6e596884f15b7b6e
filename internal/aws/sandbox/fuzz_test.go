package sandbox

import (
	"encoding/json"
	"testing"
)

// Whatever is sent as a trust policy is refused, or kept in a form that reads as JSON,
// can be saved again as it is read, and then reads the same.
func FuzzTrustPolicy(f *testing.F) {
	o, err := New(Config{Accounts: 3})
	if err != nil {
		f.Fatal(err)
	}
	id := string(o.Accounts()[1].ID)
	f.Add(`{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::` + id + `:user/alice","` + id + `"]},"Action":["sts:AssumeRole"]},{"Effect":"Deny","Principal":"*","NotAction":"sts:TagSession","Condition":{"NotIpAddress":{"aws:SourceIp":["1.2.3.0/24"]}}}]}`)
	f.Add(`{"Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"*"}}`)
	f.Add(`{"Id":"x","Statement":[{"Effect":"Deny","Principal":{"Federated":"accounts.google.com"},"Action":"sts:*","Condition":{"Null":{"aws:SourceIp":true},"Bool":{"aws:x":[true,1.50,"a"]}}}]}`)
	f.Add(vendorTrust)
	f.Fuzz(func(t *testing.T, text string) {
		stored, refusal := o.storeTrust(text)
		if refusal != nil {
			return
		}
		shown := o.readTrust(stored)
		if !json.Valid([]byte(shown)) {
			t.Fatalf("%q reads as %q, which is not JSON", text, shown)
		}
		again, refusal := o.storeTrust(shown)
		if refusal != nil {
			t.Fatalf("%q reads as %q, which cannot be saved: %s", text, shown, refusal.message)
		}
		if got := o.readTrust(again); got != shown {
			t.Fatalf("%q reads as %q and, saved again, as %q", text, shown, got)
		}
	})
}
