package order

import (
	"slices"
	"testing"

	"portcullis.internal/portcullis/internal/access"
)

func gainsPlan(ops ...access.PlannedOperation) access.Plan {
	var plan access.Plan
	for _, a := range []access.AccountID{here, there} {
		var own []access.PlannedOperation
		for _, op := range ops {
			op.BeforeKnown = true
			op.Before, op.After = access.WithID(access.WithoutID(op.Before, here), a), access.WithID(access.WithoutID(op.After, here), a)
			own = append(own, op)
		}
		plan.Add(access.PlannedTarget{Account: a, Operations: own})
	}
	return plan
}

func pairsOf(gains []Gain) []string {
	var pairs []string
	for _, g := range gains {
		for principal, role := range g.Each() {
			pairs = append(pairs, principal+" "+role)
		}
	}
	return pairs
}

func TestGainsInEveryAccount(t *testing.T) {
	trust := access.PlannedOperation{Kind: access.OpTrustPolicy, Resource: bob, After: document(mapped(aliceARN)...)}
	plan := gainsPlan(trust)
	want := []string{aliceARN + " " + bobHere, "arn:aws:iam::222222222222:user/alice arn:aws:iam::222222222222:role/Bob"}
	if got := pairsOf(Opens(plan)); !slices.Equal(got, want) {
		t.Errorf("Opens lists %q, want %q", got, want)
	}
	if got := Closes(plan); len(got) > 0 {
		t.Errorf("Closes lists %v for a grant, want nothing", got)
	}
	trust.Before, trust.After = trust.After, ""
	plan = gainsPlan(trust)
	if got := pairsOf(Closes(plan)); !slices.Equal(got, want) {
		t.Errorf("Closes lists %q, want %q", got, want)
	}
	if got := Opens(plan); len(got) > 0 {
		t.Errorf("Opens lists %v for a revocation, want nothing", got)
	}
}

func TestGainsOfUserSidePolicies(t *testing.T) {
	policy := access.UserSidePolicy("alice", 1)
	body := func(network string) string {
		return `{"Version":"2012-10-17","Statement":[{"Sid":"PortcullisAllow","Effect":"Allow",` +
			`"Action":"sts:AssumeRole","Resource":"` + bobHere +
			`","Condition":{"IpAddress":{"aws:SourceIp":"` + network + `"}}},` +
			`{"Sid":"PortcullisDeny","Effect":"Deny","Action":"sts:AssumeRole","Resource":"` +
			bobHere + `","Condition":{"NotIpAddress":{"aws:SourceIp":"` + network + `"}}}]}`
	}
	attached := access.PlannedOperation{
		Kind: access.OpAttachments, Resource: access.Resource{Kind: access.ResourceAttachments, Path: "/", Name: "alice"},
		After: access.AttachmentsDocument([]string{policy.ARN("aws", here)}),
	}
	created := access.PlannedOperation{Kind: access.OpUserSidePolicy, Resource: policy, After: body("103.15.250.0/24")}
	trust := func(others string) access.PlannedOperation {
		admits := `{"Sid":"PortcullisUserSide","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},` +
			`"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:username":"alice"}}}`
		return access.PlannedOperation{Kind: access.OpTrustPolicy, Resource: bob, Before: document(others), After: document(others, admits)}
	}
	open := `{"Sid":"Theirs","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"sts:AssumeRole"}`
	if got := Closes(gainsPlan(created, attached, trust(foreignEC2))); len(got) > 0 {
		t.Errorf("Closes lists %v for a grant, want nothing", got)
	}
	if got := Closes(gainsPlan(created, attached, trust(open))); len(got) == 0 {
		t.Error("Closes lists nothing, although the user-side policy is all that restricts the user")
	}
	detached := attached
	detached.Before, detached.After = attached.After, ""
	if got := Closes(gainsPlan(detached)); len(got) == 0 {
		t.Error("Closes lists nothing for a policy that is detached")
	}
	narrowed := created
	narrowed.Before, narrowed.After = created.After, body("103.15.250.0/25")
	if got := Closes(gainsPlan(narrowed, trust(foreignEC2))); len(got) == 0 {
		t.Error("Closes lists nothing for a narrower user-side policy")
	}
}

func TestClosesByUserPolicy(t *testing.T) {
	user := access.Resource{Kind: access.ResourceUser, Path: "/", Name: "alice"}
	allow := `{"Version":"2012-10-17","Statement":[{"Sid":"PortcullisAllow","Effect":"Allow",` +
		`"Action":"sts:AssumeRole","Resource":"` + bobHere + `"}]}`
	removed := access.PlannedOperation{Kind: access.OpDeleteUserPolicy, Resource: user, Before: allow}
	if got, want := pairsOf(Closes(gainsPlan(removed)))[:1], []string{aliceARN + " " + bobHere}; !slices.Equal(got, want) {
		t.Errorf("Closes lists %q, want %q", got, want)
	}
	unknown := access.NewPlan("", access.PlannedTarget{Account: here, Operations: []access.PlannedOperation{
		{Kind: access.OpDeleteUserPolicy, Resource: user, Before: allow},
	}})
	if got := Closes(unknown); len(got) > 0 {
		t.Errorf("Closes lists %v for a document that was not read", got)
	}
}
