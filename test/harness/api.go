package harness

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// API is a program with somebody's token.
type API struct {
	t     testing.TB
	base  string
	token string
}

// API is a program that acts for a person.
func (c *Console) API(p Person) *API { return &API{t: c.t, base: c.URL() + "/api/v1", token: p.Token} }

// Rollout is what the API says of a rollout.
type Rollout struct {
	ID          int64
	Change      int64
	Revision    int64
	State       string
	MaxInFlight int `json:"max_in_flight"`
	Targets     int
	Counts      map[string]int
	Note        string
	Started     time.Time `json:"started_at"`
	Ended       time.Time `json:"ended_at"`
}

// Target is what the API says of one account of a rollout.
type Target struct {
	Account   access.AccountID
	State     string
	Message   string
	Class     string
	StartedAt time.Time `json:"started_at"`
	EndedAt   time.Time `json:"ended_at"`
	Calls     struct{ Calls, Attempts, Throttles, Writes int }
}

// Operation is what the API says of one write, planned or done.
type Operation struct {
	Kind       string
	Resource   access.Resource
	Before     json.RawMessage
	After      json.RawMessage
	State      string
	LiveBefore json.RawMessage `json:"live_before"`
	Written    json.RawMessage
	Message    string
}

// PlannedTarget is one account of a change's plan.
type PlannedTarget struct {
	Account    access.AccountID
	Operations []Operation
}

// Account is what the API says of an account.
type Account struct {
	ID             access.AccountID
	Name           string
	State          string
	Management     bool
	InventoryAt    time.Time `json:"inventory_at"`
	InventoryError string    `json:"inventory_error"`
	PushedRevision int64     `json:"pushed_revision"`
}

// Get reads one thing, and fails the test when it is not to be had.
func (a *API) Get(path string, into any) {
	a.t.Helper()
	if err := a.Try(path, into); err != nil {
		a.t.Fatal(err)
	}
}

// Try reads one thing.
func (a *API) Try(path string, into any) error {
	r, err := http.NewRequest(http.MethodGet, a.base+path, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+a.token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s: %s", path, resp.Status, body)
	}
	return json.Unmarshal(body, into)
}

// Rollout reads one rollout.
func (a *API) Rollout(id string) (Rollout, error) {
	var r Rollout
	err := a.Try("/rollouts/"+url.PathEscape(id), &r)
	return r, err
}

// Targets reads all targets of a rollout.
func (a *API) Targets(id string) []Target {
	a.t.Helper()
	return list[Target](a, "/rollouts/"+url.PathEscape(id)+"/targets")
}

// Operations reads what was written in one account of a rollout.
func (a *API) Operations(rollout string, account access.AccountID) []Operation {
	a.t.Helper()
	var target struct{ Operations []Operation }
	a.Get("/rollouts/"+url.PathEscape(rollout)+"/targets/"+url.PathEscape(string(account)), &target)
	return target.Operations
}

// Plan reads the plan of the change that a rollout carries out.
func (a *API) Plan(rollout string) []PlannedTarget {
	a.t.Helper()
	r, err := a.Rollout(rollout)
	if err != nil {
		a.t.Fatal(err)
	}
	var plan struct{ Targets []PlannedTarget }
	a.Get(fmt.Sprintf("/changes/%d/plan", r.Change), &plan)
	return plan.Targets
}

// Accounts reads all accounts.
func (a *API) Accounts() []Account {
	a.t.Helper()
	return list[Account](a, "/accounts")
}

// list reads all pages of a list.
func list[T any](a *API, path string) []T {
	a.t.Helper()
	var out []T
	q := url.Values{"limit": {"100"}}
	for {
		var page struct {
			Items []T
			Next  string
		}
		a.Get(path+"?"+q.Encode(), &page)
		out = append(out, page.Items...)
		if page.Next == "" {
			return out
		}
		q.Set("cursor", page.Next)
	}
}

// WaitForRollout waits until nothing more happens in a rollout, and returns how it ended.
func (a *API) WaitForRollout(id string, within time.Duration) Rollout {
	a.t.Helper()
	var r Rollout
	EventuallyGently(a.t, within, "rollout "+id+" ends", func() (bool, string) {
		var err error
		if r, err = a.Rollout(id); err != nil {
			return false, err.Error()
		}
		return r.State == "completed" || r.State == "halted" || r.State == "aborted", fmt.Sprintf("%s %v", r.State, r.Counts)
	})
	return r
}

// WaitForInventories waits until the console has read every account, or has said why it
// cannot.
func (a *API) WaitForInventories(within time.Duration) {
	a.t.Helper()
	EventuallyGently(a.t, within, "the console knows every account", func() (bool, string) {
		accounts := a.Accounts()
		read := 0
		for _, x := range accounts {
			if !x.InventoryAt.IsZero() || x.InventoryError != "" || x.Management || x.State != "ACTIVE" {
				read++
			}
		}
		return len(accounts) > 0 && read == len(accounts), fmt.Sprintf("%d of %d read", read, len(accounts))
	})
}

// Post asks for something to be done, and returns the status and the answer.
func (a *API) Post(path string, body any) (int, string) {
	a.t.Helper()
	status, answer, err := a.TryPost(path, body)
	if err != nil {
		a.t.Fatal(err)
	}
	return status, answer
}

// TryPost is Post from another goroutine than the test's.
func (a *API) TryPost(path string, body any) (int, string, error) {
	var sent bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&sent).Encode(body); err != nil {
			return 0, "", err
		}
	}
	r, err := http.NewRequest(http.MethodPost, a.base+path, &sent)
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Authorization", "Bearer "+a.token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(answer), err
}
