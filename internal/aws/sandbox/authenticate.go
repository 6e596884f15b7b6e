package sandbox

import (
	"crypto/subtle"
	"net/http"
	"time"
)

// keyOwner is a user's access key as it is found by its id.
type keyOwner struct {
	account *account
	user    *user
	secret  string
}

// authenticate finds out who signed a request. Everything needed is in memory, so the caller must
// hold the read lock.
func (o *Organization) authenticate(r *http.Request, body []byte, s signature) (*caller, *apiError) {
	c, secret, refusal := o.findCaller(r, s.keyID)
	if refusal != nil {
		return nil, refusal
	}
	// Signatures are made with the real clock, whatever the organization's says.
	if refusal := s.verify(r, body, secret, time.Now()); refusal != nil {
		return nil, refusal
	}
	if !c.account.active() {
		return nil, accessDenied("The account %s is suspended.", c.account.ID)
	}
	return c, nil
}

func expiredToken() *apiError {
	return refuse(http.StatusForbidden, "ExpiredToken", "The security token included in the request is expired")
}

func invalidToken() *apiError {
	return refuse(http.StatusForbidden, "InvalidClientTokenId",
		"The security token included in the request is invalid.")
}

func (o *Organization) findCaller(r *http.Request, keyID string) (*caller, string, *apiError) {
	if owner, ok := o.keys[keyID]; ok {
		return &caller{account: owner.account, user: owner.user}, owner.secret, nil
	}
	s := o.sessions.get(keyID)
	token := r.Header.Get("X-Amz-Security-Token")
	if s == nil || subtle.ConstantTimeCompare([]byte(token), []byte(s.token)) != 1 {
		return nil, "", invalidToken()
	}
	if o.now().After(s.expires) {
		return nil, "", expiredToken()
	}
	if s.user != nil && s.account.user(s.user.Name) == s.user {
		return &caller{account: s.account, user: s.user, token: s}, s.secret, nil
	}
	if s.user != nil || s.account.role(s.role.Name) != s.role {
		return nil, "", invalidToken()
	}
	return &caller{account: s.account, session: s}, s.secret, nil
}
