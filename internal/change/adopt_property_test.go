package change

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/onboard"
	"portcullis.internal/portcullis/internal/planning"
)

// drawFollower draws a state that says something of one role in one account.
func drawFollower(t *rapid.T) onboard.Adopter {
	state := drawState(t)
	state.Allowlists = slices.DeleteFunc(state.Allowlists, func(a access.Allowlist) bool { return a.Name == "long" })
	for i := range state.Mappings {
		m := &state.Mappings[i]
		if m.Allowlists = slices.DeleteFunc(slices.Clone(m.Allowlists), func(name string) bool { return name == "long" }); len(m.Allowlists) == 0 {
			m.Allowlists = []string{"office"}
		}
	}
	account := drawnAccounts[rapid.IntRange(0, 2).Draw(t, "account")]
	account.Quotas = access.Quotas{}
	return onboard.Adopter{PlanInput: planning.PlanInput{Accounts: access.Accounts{account}, Now: drawnNow}, Account: account, Role: rapid.SampledFrom(drawnRoles).Draw(t, "edited role"), State: state, NewMappingID: newMappingID}
}

// drawEdited is the state as somebody by hand would have it in one account: people,
// networks or conditions are others.
func drawEdited(t *rapid.T, f onboard.Adopter) access.State {
	edited := f.State
	edited.Allowlists, edited.Mappings = slices.Clone(edited.Allowlists), slices.Clone(edited.Mappings)
	for range rapid.IntRange(1, 2).Draw(t, "edits") {
		if rapid.Bool().Draw(t, "networks") {
			l := &edited.Allowlists[rapid.IntRange(0, len(edited.Allowlists)-1).Draw(t, "list")]
			l.Entries = slices.Clone(l.Entries)
			if e := drawEntry(t); !slices.ContainsFunc(l.Entries, func(o access.Entry) bool { return o.Key() == e.Key() }) {
				l.Entries = append(l.Entries, e)
			} else {
				l.Entries = slices.DeleteFunc(l.Entries, func(o access.Entry) bool { return o.Key() == e.Key() })
			}
			continue
		}
		i := slices.IndexFunc(edited.Mappings, func(m access.Mapping) bool { return m.Role == f.Role && m.Accounts.Matches(f.Account) })
		if i < 0 {
			continue
		}
		m := &edited.Mappings[i]
		switch rapid.IntRange(0, 2).Draw(t, "edit") {
		case 0:
			m.RequireMFA, m.MFAMaxAge = !m.RequireMFA, 0
		case 1:
			m.RequireMFA, m.MFAMaxAge = true, time.Hour
		default:
			m.Users = rapid.SliceOfNDistinct(rapid.SampledFrom(drawnUsers), 1, 3, access.UserName.String).Draw(t, "people")
		}
	}
	return edited
}

// Whatever is adopted compiles to what was live, by meaning; and what is said of people
// and conditions changes nothing anywhere else.
func TestWhatIsFollowedMeansWhatIsLive(t *testing.T) {
	followed, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		f := drawFollower(t)
		head, err := f.Compiled(f.State)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := f.Compiled(drawEdited(t, f))
		if err != nil {
			t.Fatal(err)
		}
		edits, err := f.Edits(onboard.Adoption{Account: f.Account.ID, Role: f.Role, Planned: head, Live: `{"Version":"2012-10-17","Statement":` + orNone(ours) + `}`})
		if err != nil {
			if !slices.Contains([]access.Kind{access.KindConflict, access.KindUnchanged}, access.KindOf(err)) {
				t.Fatalf("refused with %v", err)
			}
			refused++
			return
		}
		followed++
		after, err := f.State.Apply(edits)
		if err != nil {
			t.Fatal(err)
		}
		compiled, err := f.Compiled(after)
		if err != nil {
			t.Fatal(err)
		}
		checkSameVerdicts(t, f, compiled, ours)
		if !slices.ContainsFunc(edits, func(e access.Edit) bool { return strings.HasPrefix(string(e.Op), "entry.") }) {
			checkElsewhere(t, f, after)
		}
	})
	t.Logf("%d followed, %d refused", followed, refused)
	if followed == 0 || refused == 0 {
		t.Errorf("%d were followed and %d refused: too few for the test to mean anything", followed, refused)
	}
}

func orNone(statements string) string {
	if statements == "" {
		return "[]"
	}
	return statements
}

// checkSameVerdicts asks both documents about everybody, from within and from without.
func checkSameVerdicts(t *rapid.T, f onboard.Adopter, compiled, live string) {
	asking := []string{`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:*","Resource":"*"}]}`}
	for _, user := range drawnUsers {
		for n := range 13 { // every network that is drawn, and some between
			ip := netip.AddrFrom4([4]byte{20, 0, byte(n), 7})
			for _, mfa := range []time.Duration{0, time.Minute, 2 * time.Hour} {
				r := iam.Request{Principal: user.In(f.Account.ID), Role: f.Role, RoleAccount: f.Account.ID, SourceIP: ip, SessionName: user.Name, SourceIdentity: user.Name, MFA: mfa > 0, MFAAge: mfa, Now: drawnNow}
				a := iam.Evaluate(r, `{"Version":"2012-10-17","Statement":`+orNone(compiled)+`}`, asking)
				b := iam.Evaluate(r, `{"Version":"2012-10-17","Statement":`+orNone(live)+`}`, asking)
				if a.Verdict != b.Verdict {
					t.Fatalf("%s from %s, MFA %s ago: %s after adopting and %s live\n%s\n%s", user, ip, mfa, a.Verdict, b.Verdict, compiled, live)
				}
			}
		}
	}
}

// checkElsewhere compares what the role means in the other accounts.
func checkElsewhere(t *rapid.T, f onboard.Adopter, after access.State) {
	for _, account := range drawnAccounts {
		if account.ID == f.Account.ID {
			continue
		}
		account.Quotas = access.Quotas{}
		there := f
		there.Account, there.Accounts = account, access.Accounts{account}
		was, err := there.Compiled(f.State)
		if err != nil {
			t.Fatal(err)
		}
		is, err := there.Compiled(after)
		if err != nil {
			t.Fatal(err)
		}
		if !onboard.Same(was, is) {
			t.Fatalf("in account %s the role means something else:\n%s\n%s", account.ID, was, is)
		}
	}
}
