package sim

import (
	"fmt"
	"strings"

	"portcullis.internal/portcullis/internal/judge"
)

// request is a kind of call that is tried for each user and role.
type request struct {
	name string
	keys judge.Keys
}

// requests are the sample calls. A set of them is a mask.
var requests = []request{
	{"from the office", keys("203.0.113.7", false, "")},
	{"from the VPN", keys("198.51.100.7", false, "")},
	{"from 8.8.8.8", keys("8.8.8.8", false, "")},
	{"from the office with MFA", keys("203.0.113.7", true, "")},
	{"from the VPN with MFA", keys("198.51.100.7", true, "")},
	{"from 8.8.8.8 with MFA", keys("8.8.8.8", true, "")},
	{"from the office under another name", keys("203.0.113.7", true, "other")},
	{"from 30.0.2.9", keys("30.0.2.9", true, "")},
}

// mask is a set of requests.
type mask uint16

func (m mask) String() string {
	var names []string
	for i, r := range requests {
		if m&(1<<i) != 0 {
			names = append(names, r.name)
		}
	}
	return strings.Join(names, ", ")
}

func keys(ip string, mfa bool, session string) judge.Keys {
	k := judge.Keys{
		"aws:sourceip": ip, "sts:rolesessionname": session, "aws:principalisawsservice": "false",
		"aws:principaltype": "User",
	}
	if mfa {
		k["aws:multifactorauthpresent"], k["aws:multifactorauthage"] = "true", "30"
	}
	return k
}

// judgment decides calls. It remembers each decision, since a document takes few values.
type judgment struct {
	users    []subject
	roles    []place
	texts    map[string]int32
	parsed   [2]map[string]*judge.Document // by judge.Kind
	decided  map[question]mask
	parts    map[string]documentParts
	problems []string // documents that cannot be read
}

// subject is a user with the requests that the user makes.
type subject struct {
	place
	requests []judge.Request
}

// question is one user, one role, and all documents that decide.
type question struct{ user, role, trust, own int32 }

func newJudgment(w *world) *judgment {
	j := &judgment{roles: w.roles, texts: map[string]int32{}, decided: map[question]mask{}, parts: map[string]documentParts{}}
	for kind := range j.parsed {
		j.parsed[kind] = map[string]*judge.Document{}
	}
	for _, u := range w.users {
		j.users = append(j.users, newSubject(u))
	}
	return j
}

func newSubject(u place) subject {
	s := subject{place: u}
	p := judge.Principal{ARN: u.arn(), ID: uniqueID(u), Account: string(u.account)}
	for _, r := range requests {
		k := judge.Keys{
			"aws:username": u.resource.Name, "aws:principalarn": u.arn(),
			"aws:principalaccount": string(u.account), "aws:userid": p.ID,
		}
		for name, value := range r.keys {
			k[name] = value
		}
		if k["sts:rolesessionname"] == "" {
			k["sts:rolesessionname"] = u.resource.Name
		}
		s.requests = append(s.requests, judge.Request{Principal: p, Action: "sts:AssumeRole", Keys: k})
	}
	return s
}

// documentParts are the statements of a document in a canonical form, those of ours and those of others.
type documentParts struct{ ours, foreign string }

// split takes a document apart.
func (j *judgment) split(document string) documentParts {
	p, known := j.parts[document]
	if !known {
		p = documentParts{ours(document).canonical(), foreign(document).canonical()}
		j.parts[document] = p
	}
	return p
}

func (j *judgment) number(text string) int32 {
	n, known := j.texts[text]
	if !known {
		n = int32(len(j.texts))
		j.texts[text] = n
	}
	return n
}

func (j *judgment) parse(text string, kind judge.Kind) *judge.Document {
	if text == "" {
		return nil
	}
	d, known := j.parsed[kind][text]
	if !known {
		var err error
		if d, err = judge.Parse(text, kind); err != nil {
			j.problems = append(j.problems, fmt.Sprintf("%v: %s", err, text))
		}
		j.parsed[kind][text] = d
	}
	return d
}

// decide returns the requests that are allowed of a user for a role, given the trust policy of the
// role and the documents on the user's side.
func (j *judgment) decide(user, role int, trust string, own []string) mask {
	q := question{int32(user), int32(role), j.number(trust), j.number(strings.Join(own, "\x00"))}
	m, known := j.decided[q]
	if !known {
		m = j.evaluate(user, role, trust, own)
		j.decided[q] = m
	}
	return m
}

func (j *judgment) evaluate(user, role int, trust string, own []string) mask {
	var policies judge.Policies
	for _, text := range own {
		if d := j.parse(text, judge.IdentityPolicy); d != nil {
			policies.Identity = append(policies.Identity, d)
		}
	}
	doc := j.parse(trust, judge.TrustPolicy)
	at := j.roles[role]
	var m mask
	for i, r := range j.users[user].requests {
		r.Resource = at.arn()
		if judge.DecideTrust(r, string(at.account), doc, policies).Allowed {
			m |= 1 << i
		}
	}
	return m
}
