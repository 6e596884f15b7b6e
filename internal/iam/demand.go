package iam

import (
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/cidr"
)

// demand is what a call must have for a test to come out as wanted.
type demand struct {
	is      tri    // yes: it always does; no: it never does; unsure: it depends on the call
	unknown bool   // on something that is not evaluated
	text    string // in words, without "from"

	networks    *[]netip.Prefix // from which the call has to come
	endpoint    bool            // the call has to come through the VPCs or VPC endpoints of the text
	place       bool            // the text is about networks
	externalIDs *[]string
}

func (d demand) admitsOutside() bool {
	return slices.ContainsFunc(outside, func(a netip.Addr) bool {
		return slices.ContainsFunc(*d.networks, func(p netip.Prefix) bool { return p.Contains(a) })
	})
}

// demand says what a test demands of the calls of a caller: to hold, or to fail.
func (c *call) demand(t *test, hold bool, who caller) demand {
	stranger := demand{is: unsure, unknown: true, text: t.operator + " " + t.key + " " + Some(t.values)}
	switch {
	case len(t.values) == 0 || t.compare == nil && t.prefixes == nil || t.forAll || t.forAny:
		return stranger
	case sameForAll[t.name] || c.knows(t.name, who):
		return fixedDemand(t.holds(c), hold, stranger)
	case t.name == "aws:currenttime" || t.name == "aws:epochtime":
		return c.timeDemand(t, hold, stranger)
	case t.vars:
		return stranger
	}
	// One of the values (in), or none of them; and whether a call without the key will do, too.
	in, without := t.negated != hold, (t.whenMissing() == yes) == hold
	switch t.name {
	case "aws:sourceip":
		return t.networkDemand(in, without, stranger)
	case "aws:sourcevpce", "aws:sourcevpc":
		return t.endpointDemand(in, without)
	case "sts:externalid":
		return t.externalIDDemand(in, without)
	case "aws:multifactorauthpresent":
		return t.mfaDemand(in, without, stranger)
	case "sts:rolesessionname":
		return demand{is: unsure, text: chosenText("session name", in, false, t.values)}
	case "sts:sourceidentity":
		return demand{is: unsure, text: chosenText("source identity", in, without, t.values)}
	default:
		return stranger
	}
}

// sameForAll are keys that all calls of sts:AssumeRole by users and roles have, or lack, alike.
var sameForAll = map[string]bool{
	"aws:principalisawsservice": true, "aws:viaawsservice": true, "aws:securetransport": true,
	"aws:resourceaccount": true, "aws:sourceaccount": true, "aws:sourcearn": true, "aws:principalservicename": true,
	"aws:calledvia": true, "aws:calledviafirst": true, "aws:calledvialast": true,
}

// knows reports whether the value of a key follows from the caller alone.
func (c *call) knows(name string, who caller) bool {
	switch name {
	case "aws:principalarn":
		return who.single() && !who.federated
	case "aws:principalaccount":
		return who.account() != ""
	case "aws:username", "aws:principaltype":
		return who.single() && !who.federated && !c.session
	default:
		return false
	}
}

func fixedDemand(holds tri, want bool, stranger demand) demand {
	if holds == unsure {
		return stranger
	}
	return demand{is: is((holds == yes) == want)}
}

// timeDemand evaluates a limit in time. A limit that has passed stays passed.
func (c *call) timeDemand(t *test, hold bool, stranger demand) demand {
	now := t.holds(c)
	op := foldASCII(t.operator)
	before, after := strings.Contains(op, "lessthan"), strings.Contains(op, "greaterthan")
	if now == unsure || len(t.values) != 1 || t.vars || !before && !after {
		return stranger
	}
	good := (now == yes) == hold
	ends := before == hold // the wanted outcome ends at the limit, and does not begin there
	switch {
	case good && !ends:
		return demand{is: yes}
	case !good && ends:
		return demand{is: no}
	case ends:
		return demand{is: unsure, text: "only until " + limitText(t.values[0])}
	default:
		return demand{is: unsure, text: "only after " + limitText(t.values[0])}
	}
}

func limitText(limit string) string {
	seconds, ok := readDate(limit)
	if !ok {
		return limit
	}
	whole := new(big.Int).Quo(seconds.Num(), seconds.Denom())
	return time.Unix(whole.Int64(), 0).UTC().Format("2006-01-02 15:04 UTC")
}

func (t *test) networkDemand(in, without bool, stranger demand) demand {
	networks := t.prefixes
	switch {
	case t.prefixes == nil || len(t.wider) > 0:
		return stranger
	case !in:
		networks = cidr.Subtract(allNetworks, t.prefixes)
	}
	text := "from " + networksText(t.prefixes)
	if !in {
		text = "from networks other than " + networksText(t.prefixes)
	}
	switch {
	case !without:
		return demand{is: unsure, networks: &networks, place: true, text: text}
	case everywhere(networks):
		return demand{is: yes}
	default:
		return demand{is: unsure, place: true, text: text + " or through a VPC endpoint"}
	}
}

func networksText(networks []netip.Prefix) string {
	listed := make([]string, len(networks))
	for i, p := range networks {
		listed[i] = p.String()
	}
	return Some(listed)
}

func (t *test) endpointDemand(in, without bool) demand {
	what := "VPC endpoint "
	preposition := "through "
	if t.name == "aws:sourcevpc" {
		what, preposition = "VPC ", "from "
	}
	text := preposition + what + Some(t.values)
	switch {
	case in && without:
		return demand{is: unsure, place: true, text: "from public addresses or " + text}
	case in:
		return demand{is: unsure, endpoint: true, place: true, text: text}
	case without:
		return demand{is: unsure, place: true, text: "from any network but not " + text}
	default:
		text = preposition + what + "other than " + Some(t.values)
		return demand{is: unsure, endpoint: true, place: true, text: text}
	}
}

func (t *test) externalIDDemand(in, without bool) demand {
	d := demand{is: unsure, text: chosenText("external id", in, without, t.values)}
	if op := foldASCII(t.operator); in && !without && strings.HasSuffix(strings.TrimSuffix(op, "ifexists"), "equals") {
		ids := slices.Clone(t.values)
		d.externalIDs = &ids
	}
	return d
}

// chosenText says which value the caller has to choose.
func chosenText(what string, in, without bool, values []string) string {
	listed := strings.Join(values, " or ")
	if len(values) > 3 {
		listed = Some(values)
	}
	switch {
	case in && without:
		return "only with the " + what + " " + listed + " or without one"
	case in:
		return "only with the " + what + " " + listed
	case without:
		return "only without the " + what + " " + listed
	default:
		return "only with another " + what + " than " + listed
	}
}

func (t *test) mfaDemand(in, without bool, stranger demand) demand {
	if len(t.values) != 1 {
		return stranger
	}
	with := equalFoldASCII(t.values[0], "true") == in
	switch {
	case with && !without:
		return demand{is: unsure, text: "only with MFA"}
	case with:
		return demand{is: unsure, text: "only with MFA or with long-term access keys"}
	case without:
		return demand{is: unsure, text: "only without MFA"}
	default:
		return demand{is: unsure, text: "only with temporary credentials that were issued without MFA"}
	}
}
