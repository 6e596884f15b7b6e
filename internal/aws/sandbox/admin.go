package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

const adminPrefix = "/_sandbox/"

func isAdmin(path string) bool { return strings.HasPrefix(path, adminPrefix) }

// adminHandler serves what AWS does not have. It asks for no password: the sandbox contains nothing
// of value. Pages of other sites are kept from using it all the same.
func (o *Organization) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_sandbox/calls", o.serveCalls)
	mux.HandleFunc("GET /_sandbox/faults", func(w http.ResponseWriter, _ *http.Request) { sendJSON(w, http.StatusOK, o.faults.get()) })
	mux.HandleFunc("POST /_sandbox/faults", o.serveFaults)
	mux.HandleFunc("POST /_sandbox/reset", o.serveReset)
	mux.HandleFunc("GET /_sandbox/credentials", o.serveCredentials)
	mux.HandleFunc("GET /_sandbox/state", o.serveState)
	mux.HandleFunc("GET /_sandbox/accounts", o.serveAccounts)
	mux.HandleFunc("POST /_sandbox/accounts", o.serveAccountState)
	mux.HandleFunc("POST /_sandbox/organization", o.serveOrganizationID)
	return new(http.CrossOriginProtection).Handler(mux)
}

func sendJSON(w http.ResponseWriter, status int, body any) {
	writeJSON(w, "application/json", status, body)
}

func sendProblem(w http.ResponseWriter, status int, message string) {
	sendJSON(w, status, map[string]string{"error": message})
}

const usualCalls = 1000

// serveCalls answers with exact counts and the newest calls, filtered by account,
// action and outcome.
func (o *Organization) serveCalls(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit := usualCalls
	if given := q.Get("limit"); given != "" {
		n, err := strconv.Atoi(given)
		if err != nil || n < 0 {
			sendProblem(w, http.StatusBadRequest, "limit is the number of calls to show, 0 or more, not "+strconv.Quote(given))
			return
		}
		limit = n
	}
	wanted := func(account access.AccountID, action, outcome string) bool {
		return is(q.Get("account"), string(account)) && is(q.Get("action"), action) && is(q.Get("outcome"), outcome)
	}
	counts := slices.DeleteFunc(o.CallCounts(), func(c CallCount) bool { return !wanted(c.Account, c.Action, c.Outcome) })
	calls := o.calls.newest(limit, func(c *Call) bool { return wanted(c.Account, c.Action, c.Outcome) })
	total := 0
	for _, c := range counts {
		total += c.Count
	}
	sendJSON(w, http.StatusOK, map[string]any{"total": total, "counts": counts, "calls": calls})
}

func is(filter, value string) bool { return filter == "" || filter == value }

func (o *Organization) serveFaults(w http.ResponseWriter, r *http.Request) {
	var f Faults
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		sendProblem(w, http.StatusBadRequest, "the faults are not as they should be ("+err.Error()+`); for example {"rules":[{"actions":["iam:*"],"latency":"50ms","throttle":0.1}]}`)
		return
	}
	o.SetFaults(f)
	sendJSON(w, http.StatusOK, o.faults.get())
}

func (o *Organization) serveReset(w http.ResponseWriter, _ *http.Request) {
	o.Reset()
	w.WriteHeader(http.StatusNoContent)
}

// Reset makes everything as it was at the very start, without faults and calls.
func (o *Organization) Reset() {
	seed := o.cfg.seed()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.adopt(seed)
	o.sessions.clear()
	o.calls.clear()
	o.faults.set(Faults{})
	o.saver.requestSave()
}

func (o *Organization) serveCredentials(w http.ResponseWriter, r *http.Request) {
	if id := r.URL.Query().Get("account"); id != "" {
		sendJSON(w, http.StatusOK, o.AccountCredentials(access.AccountID(id)))
		return
	}
	sendJSON(w, http.StatusOK, o.Credentials())
}

// AccountSummary names an account for tests and the curious.
type AccountSummary struct {
	ID    access.AccountID    `json:"id"`
	Name  string              `json:"name"`
	OU    string              `json:"ou"` // path of names
	OUID  string              `json:"ou_id"`
	State access.AccountState `json:"state"`
	Tags  map[string]string   `json:"tags"`
}

// Accounts lists the accounts in the order of their founding, the management account
// first.
func (o *Organization) Accounts() []AccountSummary {
	o.mu.RLock()
	defer o.mu.RUnlock()
	out := make([]AccountSummary, 0, len(o.company.Accounts))
	for _, a := range o.company.Accounts {
		path := o.company.pathOf(a.OU)
		out = append(out, AccountSummary{ID: a.ID, Name: a.Name, OU: path, OUID: a.OU, State: a.State, Tags: a.Tags})
	}
	return out
}

func (o *Organization) serveAccounts(w http.ResponseWriter, _ *http.Request) {
	sendJSON(w, http.StatusOK, o.Accounts())
}

// serveAccountState gives an account another state, such as SUSPENDED or LEFT.
func (o *Organization) serveAccountState(w http.ResponseWriter, r *http.Request) {
	id, state := access.AccountID(r.URL.Query().Get("account")), access.AccountState(r.URL.Query().Get("state"))
	if state != access.AccountLeft && !slices.Contains(access.AccountStates(), state) {
		sendProblem(w, http.StatusBadRequest, fmt.Sprintf("state is LEFT or one of %s, not %q",
			access.AccountStates(), state))
		return
	}
	if !o.SetAccountState(id, state) {
		sendProblem(w, http.StatusNotFound, "there is no such account; GET /_sandbox/accounts lists them")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// SetAccountState gives an account another state. One that is LEFT works on, but is no longer in the organization.
// SetAccountState returns false if there is no such account.
func (o *Organization) SetAccountState(id access.AccountID, state access.AccountState) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	a := o.accounts[id]
	if a == nil {
		return false
	}
	a.State = state
	o.saver.requestSave()
	return true
}

// organizationIDForm is the form that AWS documents.
var organizationIDForm = regexp.MustCompile(`^o-[a-z0-9]{10,32}$`)

func (o *Organization) serveOrganizationID(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("id")
	if !organizationIDForm.MatchString(id) {
		sendProblem(w, http.StatusBadRequest, fmt.Sprintf("id is o- and 10 to 32 small letters and digits, not %q", id))
		return
	}
	o.SetOrganizationID(id)
	w.WriteHeader(http.StatusNoContent)
}

// SetOrganizationID makes the same accounts another organization.
func (o *Organization) SetOrganizationID(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.company.ID = id
	o.saver.requestSave()
}

// AccountState is the content of an account: trust policies as IAM shows them, by path and name of
// the role, inline policies and ARNs of attached ones by path and name of the user, and the default
// versions of the customer's own managed policies by path and name.
type AccountState struct {
	Account access.AccountID             `json:"account"`
	Roles   map[string]string            `json:"roles"`
	Users   map[string]map[string]string `json:"users"`

	Attached map[string][]string `json:"attached"`
	Policies map[string]string   `json:"policies"`
}

// State returns the current content of an account, even while reads lag; ok is false when there is
// no such account. It leaves out the permissions boundary that every account has.
func (o *Organization) State(id access.AccountID) (s AccountState, ok bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	a := o.accounts[id]
	if a == nil {
		return AccountState{}, false
	}
	s = AccountState{Account: id, Roles: map[string]string{}, Users: map[string]map[string]string{}, Attached: map[string][]string{}, Policies: map[string]string{}}
	for _, r := range a.Roles {
		s.Roles[strings.TrimPrefix(r.Path, "/")+r.Name] = o.readTrust(r.Trust)
	}
	for _, u := range a.Users {
		inline := map[string]string{}
		for name, doc := range u.Inline {
			inline[name] = doc
		}
		s.Users[strings.TrimPrefix(u.Path, "/")+u.Name] = inline
		if len(u.Attached) > 0 {
			s.Attached[strings.TrimPrefix(u.Path, "/")+u.Name] = slices.Clone(u.Attached)
		}
	}
	for _, p := range a.Policies {
		if p.Name == boundary && p.Path == "/" {
			continue
		}
		s.Policies[strings.TrimPrefix(p.Path, "/")+p.Name] = p.document()
	}
	return s, true
}

func (o *Organization) serveState(w http.ResponseWriter, r *http.Request) {
	s, ok := o.State(access.AccountID(r.URL.Query().Get("account")))
	if !ok {
		sendProblem(w, http.StatusNotFound, "there is no such account; name one with ?account=ID (GET /_sandbox/accounts lists them)")
		return
	}
	sendJSON(w, http.StatusOK, s)
}
