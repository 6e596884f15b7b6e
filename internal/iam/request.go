package iam

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// Request is one call of sts:AssumeRole by an IAM user. What is left empty is absent
// from the call. A call through a VPC endpoint (SourceVPC or SourceVPCE is set) carries
// no aws:SourceIp, whatever SourceIP says (docs/aws-facts.md, "What aws:SourceIp sees").
type Request struct {
	Principal      access.UserName // Account filled in; the role's account when it is not
	PrincipalID    string          // AIDA…, to recognise unique ids in documents; may be empty
	Role           access.RoleName
	RoleAccount    access.AccountID
	Partition      string // "aws" when empty
	SourceIP       netip.Addr
	SourceVPC      string
	SourceVPCE     string
	MFA            bool
	MFAAge         time.Duration
	SessionName    string
	SourceIdentity string
	ExternalID     string
	Now            time.Time

	// Others are policies and groups of the user that nobody has read, by name. One of
	// them might allow what the policies that are looked at do not.
	Others []string
}

// namingPattern is what STS takes as a session name and as a source identity.
var namingPattern = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)

// Check refuses what no call of sts:AssumeRole can carry, so that a slip of the pen is
// not answered as if it had been asked.
func (r Request) Check() error {
	var wrong []access.FieldError
	refuse := func(field string, is bool, format string, value any) {
		if is {
			wrong = append(wrong, access.FieldError{Field: field, Message: fmt.Sprintf(format, value)})
		}
	}
	refuse("source_ip", r.SourceIP.Zone() != "", "%q names an interface of one machine; give the address alone, without the percent sign and what follows", r.SourceIP.String())
	refuse("source_vpc", r.SourceVPC != "" && !strings.HasPrefix(r.SourceVPC, "vpc-"), "%q is not a VPC id; an id looks like vpc-0a1b2c3d4e5f60718", r.SourceVPC)
	refuse("source_vpce", r.SourceVPCE != "" && !strings.HasPrefix(r.SourceVPCE, "vpce-"), "%q is not the id of a VPC endpoint; an id looks like vpce-0a1b2c3d4e5f60718", r.SourceVPCE)
	const naming = "%q is nothing that STS takes here: give 2 to 64 letters, digits or +=,.@-_"
	refuse("session_name", r.SessionName != "" && !namingPattern.MatchString(r.SessionName), naming, r.SessionName)
	refuse("source_identity", r.SourceIdentity != "" && !namingPattern.MatchString(r.SourceIdentity), naming, r.SourceIdentity)
	return access.InvalidFields(wrong)
}

// presence says what is known of a key of the request context.
type presence int8

const (
	absent presence = iota
	present
	unknown       // this package does not know the key, or its value was not said
	absentOrFalse // MFA that was not shown: absent with long-term keys, false in a console session
)

// call is a request made ready for comparing.
type call struct {
	Request
	userARN string
	roleARN string
	via     bool // through a VPC endpoint
	anyone  bool // the caller is not known: no key has a value
	session bool // the caller is a session of the role userARN, of which little more is known
}

func newCall(r Request) *call {
	r.Partition = cmp.Or(r.Partition, "aws")
	r.Principal = r.Principal.In(r.RoleAccount)
	if r.SourceIP.Is4In6() {
		r.SourceIP = r.SourceIP.Unmap()
	}
	return &call{
		Request: r,
		userARN: r.Principal.ARN(r.Partition),
		roleARN: r.Role.ARN(r.Partition, r.RoleAccount),
		via:     r.SourceVPC != "" || r.SourceVPCE != "",
	}
}

// key looks up a context key, whose name is given in lower case.
func (c *call) key(name string) (string, presence) {
	if c.anyone {
		return "", unknown
	}
	if c.session && ofUsers[name] {
		return "", unknown
	}
	switch name {
	case "aws:sourceip":
		if c.via || !c.SourceIP.IsValid() {
			return "", absent
		}
		return c.SourceIP.String(), present
	case "aws:vpcsourceip":
		if !c.via {
			return "", absent
		}
		if !c.SourceIP.IsValid() {
			return "", unknown
		}
		return c.SourceIP.String(), present
	case "aws:multifactorauthpresent":
		if c.MFA {
			return "true", present
		}
		return "false", absentOrFalse
	case "aws:multifactorauthage":
		if !c.MFA {
			return "", absent
		}
		return strconv.FormatInt(int64(c.MFAAge.Seconds()), 10), present
	case "aws:currenttime", "aws:epochtime":
		return c.now(name)
	default:
		return c.textKey(name)
	}
}

// ofUsers are the keys whose values are known of users and not of sessions of a role.
var ofUsers = map[string]bool{
	"aws:multifactorauthpresent": true, "aws:multifactorauthage": true,
	"aws:username": true, "aws:userid": true, "aws:principaltype": true,
}

func (c *call) now(name string) (string, presence) {
	switch {
	case c.Now.IsZero():
		return "", unknown
	case name == "aws:epochtime":
		return strconv.FormatInt(c.Now.Unix(), 10), present
	default:
		return c.Now.UTC().Format(time.RFC3339), present
	}
}

// textKey looks up the keys that are plain text.
func (c *call) textKey(name string) (string, presence) {
	switch name {
	case "aws:sourcevpc":
		return presenceOf(c.SourceVPC)
	case "aws:sourcevpce":
		return presenceOf(c.SourceVPCE)
	case "sts:rolesessionname":
		return presenceOf(c.SessionName)
	case "sts:sourceidentity":
		return presenceOf(c.SourceIdentity)
	case "sts:externalid":
		return presenceOf(c.ExternalID)
	case "aws:username":
		return c.Principal.Name, present
	case "aws:userid":
		if c.PrincipalID == "" {
			return "", unknown
		}
		return c.PrincipalID, present
	case "aws:principalarn":
		return c.userARN, present
	case "aws:principalaccount":
		return string(c.Principal.Account), present
	case "aws:principaltype":
		return "User", present
	case "aws:resourceaccount":
		return string(c.RoleAccount), present
	case "aws:principalisawsservice", "aws:viaawsservice":
		return "false", present
	case "aws:securetransport":
		return "true", present
	case "aws:sourceaccount", "aws:sourcearn", "aws:calledvia", "aws:calledviafirst", "aws:calledvialast", "aws:principalservicename":
		return "", absent
	default:
		return "", unknown
	}
}

func presenceOf(s string) (string, presence) {
	if s == "" {
		return "", absent
	}
	return s, present
}

// expand replaces policy variables by their values. ok is unsure when one of them is not
// known, or has no value.
func (c *call) expand(s string) (string, tri) {
	if !strings.Contains(s, "${") {
		return s, yes
	}
	var b strings.Builder
	sure := yes
	for {
		start := strings.Index(s, "${")
		if start < 0 {
			break
		}
		end := strings.IndexByte(s[start:], '}')
		if end < 0 {
			break
		}
		b.WriteString(s[:start])
		v, ok := c.variable(s[start+2 : start+end])
		sure = and(sure, ok)
		b.WriteString(v)
		s = s[start+end+1:]
	}
	b.WriteString(s)
	return b.String(), sure
}

func (c *call) variable(name string) (string, tri) {
	switch name {
	case "*":
		return "\x01", yes
	case "?":
		return "\x02", yes
	case "$":
		return "$", yes
	}
	v, p := c.key(foldASCII(name))
	if p != present {
		return "", unsure
	}
	return hideWildcards.Replace(v), yes
}
