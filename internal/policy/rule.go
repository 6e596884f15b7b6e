package policy

import (
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// rule is what holds for one user on one role in one account, after all mappings that
// reach them were put together: the allowlists joined, the stricter of each condition.
// Rules with the same values are the same group of a document.
type rule struct {
	nets    *Networks
	mfa     bool
	mfaAge  time.Duration // 0: of any age
	session bool          // session name = user name
	source  bool          // source identity = user name
}

// stricter joins the conditions of two mappings; the networks are joined elsewhere.
func (r rule) stricter(m access.Mapping) rule {
	r.mfa = r.mfa || m.RequireMFA
	if m.MFAMaxAge > 0 && (r.mfaAge == 0 || m.MFAMaxAge < r.mfaAge) {
		r.mfaAge = m.MFAMaxAge
	}
	r.session = r.session || m.SessionName == access.NamingUsername
	r.source = r.source || m.SourceIdentity == access.NamingUsername
	return r
}

// group is the users of one role who are under the same rule.
type group struct {
	users []access.UserName
	rule  rule
}
