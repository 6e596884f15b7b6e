package access

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// AccountID is the 12-digit id of an AWS account.
type AccountID string

// Valid reports whether the id is 12 digits.
func (id AccountID) Valid() bool {
	return len(id) == 12 && strings.Trim(string(id), "0123456789") == ""
}

// AccountState is the state that Organizations reports: State, not the retired Status
// (docs/aws-facts.md, "Account states").
type AccountState string

// The states of an account.
const (
	AccountPendingActivation AccountState = "PENDING_ACTIVATION"
	AccountActive            AccountState = "ACTIVE"
	AccountSuspended         AccountState = "SUSPENDED"
	AccountPendingClosure    AccountState = "PENDING_CLOSURE"
	AccountClosed            AccountState = "CLOSED"

	// AccountLeft is the console's own: the account is no longer in the organization.
	AccountLeft AccountState = "LEFT"
)

// AccountStates lists the states that Organizations reports.
func AccountStates() []AccountState {
	return []AccountState{
		AccountPendingActivation, AccountActive, AccountSuspended, AccountPendingClosure, AccountClosed,
	}
}

// Quotas are the limits of an account that decide what fits, in characters without
// white space (docs/aws-facts.md, "Trust policy size" and "Inline policy size"). Zero means the default.
type Quotas struct {
	TrustPolicy   int // of one role's trust policy; default 2048
	UserPolicy    int // of all of a user's inline policies together; default 2048
	ManagedPolicy int // of one managed policy; default 6144
	Attachments   int // managed policies attached to one user, not characters; default 10
}

// The default quotas of a new account (docs/aws-facts.md, "Sizes and quotas").
const (
	DefaultTrustPolicyQuota   = 2048
	DefaultUserPolicyQuota    = 2048
	DefaultManagedPolicyQuota = 6144
	DefaultAttachmentsQuota   = 10
)

// OrDefault returns the quotas with the defaults filled in.
func (q Quotas) OrDefault() Quotas {
	return Quotas{
		TrustPolicy:   cmp.Or(q.TrustPolicy, DefaultTrustPolicyQuota),
		UserPolicy:    cmp.Or(q.UserPolicy, DefaultUserPolicyQuota),
		ManagedPolicy: cmp.Or(q.ManagedPolicy, DefaultManagedPolicyQuota),
		Attachments:   cmp.Or(q.Attachments, DefaultAttachmentsQuota),
	}
}

// Account is a member of the organization as the console knows it.
type Account struct {
	ID         AccountID
	Name       string
	Email      string
	State      AccountState
	OU         string   // for people: the path of names from the root, such as Root/Prod/Payments (ou_path.go)
	OUIDs      []string // ids of the OUs that the account is in, from the root down; shared: read only
	Tags       map[string]string
	Partition  string // "aws" unless said otherwise
	Management bool   // the organization's management account: never a target
	Quotas     Quotas

	SyncedAt       time.Time // last seen in Organizations
	InventoryAt    time.Time // when its roles and users were last read
	InventoryError string    // why they could not be read, in words; empty when they could
	PushedRevision int64     // the last revision that was pushed and verified; 0 for none

	// KeepsDocuments is set for an account that is not active, while documents of the console are in it.
	KeepsDocuments bool
}

// PartitionOrDefault returns the partition, "aws" when none is set.
func (a Account) PartitionOrDefault() string { return cmp.Or(a.Partition, "aws") }

// Targetable reports whether a rollout may touch the account, and if not, why.
func (a Account) Targetable() (ok bool, why string) {
	switch {
	case a.Management:
		return false, "the management account is never a target"
	case a.State == AccountLeft:
		return false, "the account is no longer in the organization (LEFT)"
	case a.State != "" && a.State != AccountActive:
		return false, "the account is " + string(a.State) + ", not ACTIVE"
	default:
		return true, ""
	}
}

// OUID is the id of the OU or the root that the account is directly in.
func (a Account) OUID() string {
	if len(a.OUIDs) == 0 {
		return ""
	}
	return a.OUIDs[len(a.OUIDs)-1]
}

// Organization is what AWS Organizations says, read in one sweep.
type Organization struct {
	ID                  string
	ManagementAccountID AccountID
	OUs                 []OU
	Accounts            []Account
	Gone                []AccountID // of which AWS says that they are not in the organization
}

// Selector says which accounts a mapping reaches: exactly one of All, IDs, OUs and
// Tags, minus Except. OUs are ids and reach all accounts below, by the tree of parents. All Tags must match.
// An element of Except is the id of an account or of an OU. Before OUs.ResolveSelector it may be a path, and so may
// an element of OUs.
type Selector struct {
	All    bool              `json:"all,omitempty"`
	IDs    []AccountID       `json:"ids,omitempty"`
	OUs    []string          `json:"ous,omitempty"`
	Tags   map[string]string `json:"tags,omitempty"`
	Except []string          `json:"except,omitempty"`
}

// Matches reports whether the selector reaches the account.
func (s Selector) Matches(a Account) bool {
	for _, x := range s.Except {
		if x == string(a.ID) || slices.Contains(a.OUIDs, x) {
			return false
		}
	}
	switch {
	case s.All:
		return true
	case len(s.IDs) > 0:
		return slices.Contains(s.IDs, a.ID)
	case len(s.OUs) > 0:
		return slices.ContainsFunc(s.OUs, func(ou string) bool { return slices.Contains(a.OUIDs, ou) })
	case len(s.Tags) > 0:
		for k, v := range s.Tags {
			if got, ok := a.Tags[k]; !ok || got != v {
				return false
			}
		}
		return true
	default:
		return false
	}
}

// Check refuses a selector that selects in no way or in several, and ids that are none.
func (s Selector) Check() error {
	ways := 0
	for _, set := range []bool{s.All, len(s.IDs) > 0, len(s.OUs) > 0, len(s.Tags) > 0} {
		if set {
			ways++
		}
	}
	if ways != 1 {
		return Invalid("accounts", "choose accounts in exactly one way: all, ids, ous or tags")
	}
	for _, id := range s.IDs {
		if !id.Valid() {
			return Invalid("accounts/ids", "%q is not an account id; an id has 12 digits", string(id))
		}
	}
	fields := checkOUs(nil, "accounts/ous", s.OUs...)
	fields = append(fields, checkTagNames("accounts/tags", s.Tags)...)
	except := slices.DeleteFunc(slices.Clone(s.Except), func(x string) bool { return AccountID(x).Valid() })
	return InvalidFields(checkOUs(fields, "accounts/except", except...))
}

// checkOUs adds the problems of texts that name OUs, by id or by path, to the fields.
func checkOUs(fields []FieldError, field string, ous ...string) []FieldError {
	for _, ou := range ous {
		if problems := appendIdentifierProblems(nil, field, ou); len(problems) > 0 {
			fields = append(fields, problems...)
			continue
		}
		if _, given := idIn(ou); given {
			continue
		}
		if _, err := SplitOUPath(ou); err != nil {
			fields = append(fields, FieldError{field, MessageOf(err)})
		}
	}
	return fields
}

func checkTagNames(field string, tags map[string]string) []FieldError {
	var fields []FieldError
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		fields = appendIdentifierProblems(fields, field, key, tags[key])
	}
	return fields
}

// String describes the selector in a few words, with the ids of OUs. OUs.Describe gives their paths.
func (s Selector) String() string { return s.describe(func(ou string) string { return ou }) }

func (s Selector) describe(label func(ou string) string) string {
	labels := func(ous []string) string {
		texts := make([]string, len(ous))
		for i, ou := range ous {
			texts[i] = label(ou)
		}
		return strings.Join(texts, ", ")
	}
	var b strings.Builder
	switch {
	case s.All:
		b.WriteString("all accounts")
	case len(s.IDs) > 0:
		ids := make([]string, len(s.IDs))
		for i, id := range s.IDs {
			ids[i] = string(id)
		}
		b.WriteString(strings.Join(ids, ", "))
	case len(s.OUs) > 0:
		b.WriteString("OU " + labels(s.OUs))
	case len(s.Tags) > 0:
		pairs := make([]string, 0, len(s.Tags))
		for k, v := range s.Tags {
			pairs = append(pairs, k+"="+v)
		}
		slices.Sort(pairs)
		b.WriteString("tags " + strings.Join(pairs, ", "))
	default:
		b.WriteString("no accounts")
	}
	if len(s.Except) > 0 {
		b.WriteString(", except " + labels(s.Except))
	}
	return b.String()
}

// Accounts are accounts sorted by id.
type Accounts []Account

// SortedAccounts returns the accounts sorted by id.
func SortedAccounts(all []Account) Accounts {
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, func(a, b Account) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return sorted
}

// Find returns the account with an id.
func (as Accounts) Find(id AccountID) (Account, bool) {
	i, found := slices.BinarySearchFunc(as, id, func(a Account, id AccountID) int { return strings.Compare(string(a.ID), string(id)) })
	if !found {
		return Account{}, false
	}
	return as[i], true
}

// Each calls visit with every account that a selector reaches. Of a selector that names
// accounts it looks at these alone.
func (as Accounts) Each(s Selector, visit func(Account)) {
	if s.All || len(s.IDs) == 0 {
		for i := range as {
			if s.Matches(as[i]) {
				visit(as[i])
			}
		}
		return
	}
	for i, id := range s.IDs {
		if a, found := as.Find(id); found && s.Matches(a) && !slices.Contains(s.IDs[:i], id) {
			visit(a)
		}
	}
}

// IDs returns the ids, sorted.
func (as Accounts) IDs() []AccountID {
	ids := make([]AccountID, len(as))
	for i := range as {
		ids[i] = as[i].ID
	}
	return ids
}

// AccountTexts are account ids as texts.
func AccountTexts(ids []AccountID) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = string(id)
	}
	return out
}
