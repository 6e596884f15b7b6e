package access

import (
	"fmt"
	"slices"
	"time"
)

// TokenScope is a part of what a person may do that an API token can be given. A token never
// does more than the roles of its person allow.
type TokenScope string

// The scopes.
const (
	ScopeRead    TokenScope = "read"    // read whatever the person may read
	ScopePropose TokenScope = "propose" // compose, submit, withdraw and rebase changes
	ScopeReview  TokenScope = "review"  // approve and reject
	ScopeApply   TokenScope = "apply"   // apply approved changes
	ScopeRollout TokenScope = "rollout" // pause, resume, abort, retry, push again; read the organization
	ScopeAdmin   TokenScope = "admin"   // what is kept to admins, but for people
	ScopePeople  TokenScope = "people"  // add people, say what they may do, reset passwords
)

// Scopes lists the scopes in the order in which pages show them.
func Scopes() []TokenScope {
	return []TokenScope{ScopeRead, ScopePropose, ScopeReview, ScopeApply, ScopeRollout, ScopeAdmin, ScopePeople}
}

// ParseScopes reads the names of scopes and returns each once, in the order of Scopes.
func ParseScopes(names []string) ([]TokenScope, error) {
	for _, name := range names {
		if !slices.Contains(Scopes(), TokenScope(name)) {
			return nil, Invalid("scopes", "%q is not a scope; the scopes are read, propose, review, apply, rollout, admin and people", name)
		}
	}
	return slices.DeleteFunc(Scopes(), func(s TokenScope) bool { return !slices.Contains(names, string(s)) }), nil
}

// Token is an API token, without its secret. A zero ExpiresAt never comes.
type Token struct {
	ID         int64
	PersonID   int64
	Person     string
	Name       string
	Scopes     []TokenScope
	CreatedAt  time.Time
	ExpiresAt  time.Time
	LastUsedAt time.Time
	RevokedAt  time.Time
}

// TokenState says whether a token can be used.
type TokenState string

// The states of a token.
const (
	TokenActive  TokenState = "active"
	TokenExpired TokenState = "expired"
	TokenRevoked TokenState = "revoked"
)

// State says whether the token can be used at a time.
func (t Token) State(now time.Time) TokenState {
	switch {
	case !t.RevokedAt.IsZero():
		return TokenRevoked
	case !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt):
		return TokenExpired
	default:
		return TokenActive
	}
}

// How long a token lives: DefaultTokenLife if nothing else is asked for, and MaxTokenLife at most. A token without an
// end must be asked for explicitly.
const (
	DefaultTokenLife = 90 * 24 * time.Hour
	MaxTokenLife     = 366 * 24 * time.Hour
)

// Check refuses a token that could do nothing, or that ends at no sensible time.
func (t Token) Check(now time.Time) error {
	var fields []FieldError
	if len(t.Scopes) == 0 {
		fields = append(fields, FieldError{"scopes", "choose at least one scope: a token without any can do nothing"})
	}
	switch {
	case t.ExpiresAt.IsZero():
	case !t.ExpiresAt.After(now):
		fields = append(fields, FieldError{"expires", fmt.Sprintf("the token would have expired already; now it is %s", now.UTC().Format(time.DateOnly))})
	case t.ExpiresAt.After(now.Add(MaxTokenLife)):
		fields = append(fields, FieldError{"expires", "a token lives for a year at most, unless it is made to never end"})
	}
	return InvalidFields(fields)
}

// Session is a browser's session as it is kept, and who it may belong to.
type Session struct {
	Data   []byte
	Expiry time.Time
	Person Person // as they are now; the zero Person where it is not known who to look for
}

// SignedIn is a session as its person is told of it.
type SignedIn struct {
	ID         int64
	PersonID   int64
	Generation int64
	Addr       string // from where and with what it was opened
	Agent      string
	OpenedAt   time.Time
	UsedAt     time.Time
	Expires    time.Time
	Here       bool // it is the session of the request
}
