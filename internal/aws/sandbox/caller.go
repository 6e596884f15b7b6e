package sandbox

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/judge"
)

// caller is the signer of a request: a user with an access key or with credentials of
// GetSessionToken, or the session of a role with temporary credentials.
type caller struct {
	account *account
	user    *user
	session *session // of a role
	token   *session // of a user, from GetSessionToken
}

// session is what AssumeRole or GetSessionToken handed out.
type session struct {
	account *account
	role    *role // nil for GetSessionToken
	user    *user // nil for AssumeRole
	mfa     bool  // GetSessionToken was called with MFA
	name    string
	secret  string
	token   string
	issued  time.Time
	expires time.Time
	policy  *judge.Document // nil when the session is not limited
	source  string          // source identity
	tags    map[string]string
}

func (c *caller) arn() string {
	if c.user != nil {
		return c.account.userARN(c.user)
	}
	return c.session.arn()
}

func (s *session) arn() string {
	return "arn:aws:sts::" + string(s.account.ID) + ":assumed-role/" + s.role.Name + "/" + s.name
}

// uniqueID is the unique id of the caller: AIDA… of a user, AROA… of a session's role.
func (c *caller) uniqueID() string {
	if c.user != nil {
		return c.user.ID
	}
	return c.session.role.ID
}

// userid is aws:userid: for a session the role's id and the session's name.
func (c *caller) userid() string {
	if c.user != nil {
		return c.user.ID
	}
	return c.session.role.ID + ":" + c.session.name
}

// principalARN is aws:PrincipalArn: for a session its role's ARN.
func (c *caller) principalARN() string {
	if c.user != nil {
		return c.arn()
	}
	return c.account.roleARN(c.session.role)
}

func (c *caller) policies() []string {
	if c.user != nil {
		return c.account.policiesOf(c.user.Inline, c.user.Attached)
	}
	return c.account.policiesOf(c.session.role.Inline, c.session.role.Attached)
}

// keys are the condition keys that every request carries, in lower case.
func (c *caller) keys(o *Organization) map[string]string {
	keys := map[string]string{
		"aws:principalarn":          c.principalARN(),
		"aws:principalaccount":      string(c.account.ID),
		"aws:principalorgid":        o.company.ID,
		"aws:principalisawsservice": "false",
		"aws:viaawsservice":         "false",
		"aws:userid":                c.userid(),
		"aws:securetransport":       "false",
		"aws:currenttime":           o.now().UTC().Format(time.RFC3339),
		"aws:epochtime":             strconv.FormatInt(o.now().Unix(), 10),
		"aws:principaltype":         "User",
	}
	if c.user != nil {
		keys["aws:username"] = c.user.Name
		c.token.addKeys(keys, o.now())
		return keys
	}
	keys["aws:principaltype"] = "AssumedRole"
	keys["aws:tokenissuetime"] = c.session.issued.UTC().Format(time.RFC3339)
	if c.session.source != "" {
		keys["aws:sourceidentity"] = c.session.source
	}
	for k, v := range c.session.tags {
		keys["aws:principaltag/"+strings.ToLower(k)] = v
	}
	return keys
}

// network is where a request came from, as policies see it.
type network struct {
	addr netip.Addr // not valid when there is no source address
	vpc  string
	vpce string
	mfa  string // seconds since the sign-in with MFA; empty without
}

const (
	noAddress  = "none"
	fromPrefix = "/from/"
)

func networkOf(r *http.Request) (network, *apiError) {
	n := network{
		vpc:  r.Header.Get("X-Sandbox-Source-Vpc"),
		vpce: r.Header.Get("X-Sandbox-Source-Vpce"),
		mfa:  r.Header.Get("X-Sandbox-Mfa"),
	}
	if _, err := strconv.Atoi(n.mfa); n.mfa != "" && err != nil {
		return n, invalidInput("X-Sandbox-Mfa is the age of the MFA sign-in in seconds, not %q.", n.mfa)
	}
	given := n.place(r)
	if given == noAddress || n.vpc != "" || n.vpce != "" {
		return n, nil
	}
	addr, err := netip.ParseAddr(given)
	if err != nil {
		return n, invalidInput("X-Sandbox-Source-Ip is an IPv4 or IPv6 address or %q, not %q.", noAddress, given)
	}
	n.addr = addr.Unmap().WithZone("")
	return n, nil
}

// place finds the address: in the header, else in the endpoint's path, else it is the
// connection's.
func (n *network) place(r *http.Request) string {
	if given := r.Header.Get("X-Sandbox-Source-Ip"); given != "" {
		return given
	}
	given, found := strings.CutPrefix(r.URL.Path, fromPrefix)
	given = strings.TrimSuffix(given, "/")
	switch {
	case !found:
		given, _, _ = net.SplitHostPort(r.RemoteAddr)
	case strings.HasPrefix(given, "vpc-"):
		n.vpc = given
	case strings.HasPrefix(given, "vpce-"):
		n.vpce = given
	}
	return given
}

// addKeys puts the network's condition keys to the others.
func (n network) addKeys(keys map[string]string) {
	if n.addr.IsValid() {
		keys["aws:sourceip"] = n.addr.String()
	}
	if n.vpc != "" {
		keys["aws:sourcevpc"] = n.vpc
	}
	if n.vpce != "" {
		keys["aws:sourcevpce"] = n.vpce
	}
	if n.mfa != "" {
		setMFA(keys, n.mfa)
	}
}

func setMFA(keys map[string]string, age string) {
	keys["aws:multifactorauthpresent"] = "true"
	keys["aws:multifactorauthage"] = age
}
