package fault

import (
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/judge"
	"portcullis.internal/portcullis/test/harness"
)

// desk is a role in two accounts. A statement of others admits the account of alice, who is a user of the first
// account.
const desk = "Desk"

func (m *moto) desks() []access.AccountID { return m.accounts[1:3] }

func (m *moto) home() access.AccountID { return m.accounts[0] }

// across gives alice of the first account a role of two others and takes it away, and checks after each write what
// the stored documents allow. The emulator does not evaluate trust policies, so the judge does.
func (m *moto) across(crew *harness.Crew) {
	m.t.Helper()
	api := crew.API(crew.Editor)
	before := m.trust(m.desks()[0], desk)
	policy := m.stored()

	began := len(m.record.since(0))
	grant := crew.Decide(crew.AddMapping(harness.Mapping{
		Role: desk, Users: string(m.home()) + ":alice", Allowlists: []string{"office"},
		Except: string(m.accounts[0]) + "\n" + string(m.accounts[3]),
	}), "Alice gets the desk")
	m.ended(api, grant, 3)
	calls := m.record.since(began)
	m.checkNeverOpen(calls, policy)
	put := slices.IndexFunc(calls, func(c recorded) bool {
		return c.action == "PutUserPolicy" && strings.Contains(c.document, desk)
	})
	for _, a := range m.desks() {
		wrote := slices.IndexFunc(calls, func(c recorded) bool {
			return c.action == "UpdateAssumeRolePolicy" && c.account == a
		})
		read := func(c recorded) bool { return c.reads(a, desk) }
		if put < 0 || wrote < 0 || wrote > put || !slices.ContainsFunc(calls[wrote:put], read) {
			m.t.Errorf("account %s: the trust policy is call %d, the user policy call %d; want a read in between", a, wrote, put)
		}
	}
	m.documents(api, grant)
	if !m.open(m.stored(), "103.15.250.7") {
		m.t.Errorf("alice does not get the desk from the office: %+v", m.stored())
	}

	policy, began = m.stored(), len(m.record.since(0))
	revoke := crew.Decide(crew.RemoveMapping(desk), "Alice leaves the desk")
	m.ended(api, revoke, 3)
	calls = m.record.since(began)
	m.checkNeverOpen(calls, policy)
	m.checkClosing(calls)
	if after := m.trust(m.desks()[0], desk); !iam.Equal(after, before, nil) {
		m.t.Errorf("after the revocation, the trust policy is\n%s\nwant\n%s", after, before)
	}
	if m.open(m.stored(), "103.15.250.7") {
		m.t.Error("alice still gets the desk")
	}
}

// ended checks that a rollout succeeded in so many accounts.
func (m *moto) ended(api *harness.API, rollout string, accounts int) {
	m.t.Helper()
	if r := api.WaitForRollout(rollout, time.Minute); r.State != "completed" || r.Counts["succeeded"] != accounts {
		m.t.Fatalf("rollout %s is %s with %v; want %d accounts succeeded", rollout, r.State, r.Counts, accounts)
	}
}

// checkClosing checks that each trust policy loses the Deny for alice only after her policy was written, which may be
// before the Deny was.
func (m *moto) checkClosing(calls []recorded) {
	m.t.Helper()
	put := slices.IndexFunc(calls, func(c recorded) bool {
		return strings.HasSuffix(c.action, "UserPolicy") && !strings.HasPrefix(c.action, "Get")
	})
	for _, a := range m.desks() {
		var closing, final []int
		for i, c := range calls {
			switch {
			case c.action != "UpdateAssumeRolePolicy" || c.account != a:
			case strings.Contains(c.document, "DenyRevoked"):
				closing = append(closing, i)
			default:
				final = append(final, i)
			}
		}
		if put < 0 || len(closing) > 1 || len(final) != 1 || final[0] < put {
			m.t.Errorf("account %s: closing trust policies in calls %v, the policy of alice in call %d, final ones in %v",
				a, closing, put, final)
		}
	}
}

// storedDocs are documents that the emulator stores: the trust policies of the desks, and the policy of alice.
type storedDocs struct {
	trust  map[access.AccountID]string
	policy string
}

func (m *moto) stored() storedDocs {
	m.t.Helper()
	h := storedDocs{trust: map[access.AccountID]string{}, policy: m.userPolicy(m.home(), "alice")}
	for _, a := range m.desks() {
		h.trust[a] = m.trust(a, desk)
	}
	return h
}

// checkNeverOpen carries the writes out on the documents, and checks after each that alice gets no desk from outside
// of the allowlist.
func (m *moto) checkNeverOpen(calls []recorded, h storedDocs) {
	m.t.Helper()
	writes := 0
	for _, c := range calls {
		switch {
		case c.action == "UpdateAssumeRolePolicy" && c.name == desk:
			h.trust[c.account] = c.document
		case c.action == "PutUserPolicy" && c.name == "alice" && c.account == m.home():
			h.policy = c.document
		case c.action == "DeleteUserPolicy" && c.name == "alice" && c.account == m.home():
			h.policy = ""
		default:
			continue
		}
		writes++
		if m.open(h, "8.8.8.8") {
			m.t.Errorf("after write %d (%s in %s), alice gets the desk from 8.8.8.8", writes, c.action, c.account)
		}
	}
	if writes < 3 {
		m.t.Errorf("recorded %d writes, want both desks and the policy of alice", writes)
	}
}

// open reports whether the documents let alice into any desk from an address.
func (m *moto) open(h storedDocs, address string) bool {
	m.t.Helper()
	alice := access.UserName{Account: m.home(), Path: "/", Name: "alice"}
	var own judge.Policies
	if h.policy != "" {
		own.Identity = append(own.Identity, parsePolicy(m.t, h.policy, judge.IdentityPolicy))
	}
	for a, text := range h.trust {
		d := judge.DecideTrust(judge.Request{
			Principal: judge.Principal{ARN: alice.ARN("aws"), Account: string(alice.Account)}, Action: "sts:AssumeRole",
			Resource: access.RoleName{Path: "/", Name: desk}.ARN("aws", a), Keys: judge.Keys{"aws:sourceip": address},
		}, string(a), parsePolicy(m.t, text, judge.TrustPolicy), own)
		if d.Allowed {
			return true
		}
	}
	return false
}

func parsePolicy(t *testing.T, text string, kind judge.Kind) *judge.Document {
	t.Helper()
	doc, err := judge.Parse(text, kind)
	must(t, err)
	return doc
}
