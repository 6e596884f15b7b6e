package judge_test

import (
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/judge"
)

// allows reports how the judge decides a call of sts:AssumeRole, with sts:SetSourceIdentity
// if the call sets one.
func allows(r iam.Request, trust *judge.Document, own judge.Policies) bool {
	actions := []string{"sts:AssumeRole"}
	if r.SourceIdentity != "" {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	for _, action := range actions {
		request := judge.Request{
			Principal: judge.Principal{
				ARN: r.Principal.ARN("aws"), ID: r.PrincipalID, Account: string(r.Principal.Account),
			},
			Action: action, Resource: r.Role.ARN("aws", r.RoleAccount), Keys: keysOf(r),
		}
		if !judge.DecideTrust(request, string(r.RoleAccount), trust, own).Allowed {
			return false
		}
	}
	return true
}

// compare decides eight requests over generated documents with both evaluators and counts
// the verdicts of internal/iam. Where iam cannot tell, there is nothing to compare.
func compare(t *testing.T, g generator, seen map[iam.Verdict]int) {
	t.Helper()
	trustText, ownTexts := g.trust(), g.identity()
	trust, err := judge.Parse(trustText, judge.TrustPolicy)
	if err != nil {
		t.Fatalf("%v: %s", err, trustText)
	}
	var own judge.Policies
	for _, text := range ownTexts {
		doc, err := judge.Parse(text, judge.IdentityPolicy)
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		own.Identity = append(own.Identity, doc)
	}
	for range 8 {
		r := g.request()
		want := iam.Evaluate(r, trustText, ownTexts)
		seen[want.Verdict]++
		got := allows(r, trust, own)
		if want.Verdict != iam.CannotTell && got != (want.Verdict == iam.Allowed) {
			t.Errorf("%+v\ntrust %s\nown   %s\njudge: allowed %v; iam: %s (%s)",
				r, trustText, ownTexts, got, want.Verdict, want.Sentence)
		}
	}
}

// The judge and internal/iam share no code and must agree on every request over every
// document, wherever iam can tell.
func TestAgreesWithIAM(t *testing.T) {
	t.Parallel()
	seen := map[iam.Verdict]int{}
	for seed := range uint64(3000) {
		compare(t, newGenerator(seed, 7), seen)
		if t.Failed() {
			break
		}
	}
	t.Log(seen)
	if seen[iam.Allowed] < 2000 || seen[iam.Denied] < 2000 || seen[iam.CannotTell] > 2000 {
		t.Errorf("the generated cases are one-sided: %v", seen)
	}
}

func FuzzAgreesWithIAM(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	f.Fuzz(func(t *testing.T, a, b uint64) { compare(t, newGenerator(a, b), map[iam.Verdict]int{}) })
}

// AWS does not document these spellings of a number. The judge refuses the document, and iam cannot tell.
func TestNeitherReadsUndocumentedNumbers(t *testing.T) {
	r := newGenerator(1, 1).request()
	r.MFA, r.MFAAge, r.ExternalID = true, 16*time.Second, ""
	for _, value := range []string{"0x10", "1_6", "1.6e1", "+16", "016", "inf", "nan", "16."} {
		text := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:*"},` +
			`{"Effect":"Deny","Principal":"*","Action":"sts:*","Condition":{"NumericEquals":` +
			`{"aws:MultiFactorAuthAge":"` + value + `"}}}]}`
		if _, err := judge.Parse(text, judge.TrustPolicy); err == nil {
			t.Errorf("%q: the judge reads it", value)
		}
		if got := iam.Evaluate(r, text, nil); got.Verdict != iam.CannotTell {
			t.Errorf("%q: iam says %s: %s", value, got.Verdict, got.Sentence)
		}
	}
}
