package iam

import (
	"net/netip"
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/cidr"
)

// notEvaluated introduces a condition that this package does not evaluate.
const notEvaluated = "under a condition that the console does not evaluate: "

// way describes the calls of an Allow that get through: the conditions of the Allow hold, and no Deny of the document
// applies.
//
//	Allow: test AND test …          each test becomes a demand that must hold
//	Deny:  NOT (test AND test …)    its tests become demands of which one must fail
type way struct {
	never bool // no call gets through, now or later
	held  bool // the Allow holds its callers to networks
	kept  bool // a Deny holds the callers to networks

	networks   *[]netip.Prefix // the calls must come from; nil for any
	from       []string        // which statements say so
	endpoints  []string        // "through VPC endpoint vpce-1"
	public     bool            // the call must have a public source address
	placed     bool            // some demand is about networks
	needs      []string        // "only with the external id x"
	strangers  []string        // conditions that are not evaluated
	externalID *[]string       // that a call may have; nil for any
}

// way works out the way that the i-th statement leaves to a caller.
func (e trustEvaluation) way(i int, who caller) way {
	var w way
	c := who.call(e.at)
	allow := &e.parsed.statements[i]
	if about := allow.actions.matchAction(e.action); about == no {
		w.never = true
	} else if about == unsure || allow.strange {
		w.strange("statement " + e.name(i))
	}
	for k := range allow.tests {
		w.demand(c.demand(&allow.tests[k], true, who), "condition of the statement")
		w.held = w.networks != nil && !slices.ContainsFunc(outside, w.admits)
	}
	for k := range e.parsed.statements {
		if s := &e.parsed.statements[k]; s.deny {
			w.deny(c, s, e, who)
		}
	}
	w.never = w.never || w.contradicts()
	return w
}

func (w *way) strange(what string) {
	if !slices.Contains(w.strangers, what) {
		w.strangers = append(w.strangers, what)
	}
}

func (w *way) admits(a netip.Addr) bool {
	return slices.ContainsFunc(*w.networks, func(p netip.Prefix) bool { return p.Contains(a) })
}

// deny narrows the way by a Deny.
func (w *way) deny(c *call, s *parsedStatement, e trustEvaluation, who caller) {
	about := and(s.who.covers(who, e.at.IDs), s.actions.matchAction(e.action))
	if about == no {
		return
	}
	var open []demand
	for k := range s.tests {
		d := c.demand(&s.tests[k], false, who)
		switch d.is {
		case yes:
			return // this test fails whatever the call, so the Deny never applies
		case unsure:
			open = append(open, d)
		case no: // it holds whatever the call: the other tests decide
		}
	}
	source := "statement " + s.name
	switch {
	case about == unsure || s.strange:
		w.strange(source + ", which may deny it")
	case len(open) == 0:
		w.never = true
	case len(open) == 1:
		before := w.networks
		w.demand(open[0], source)
		w.kept = w.kept || open[0].networks != nil && before != w.networks && !slices.ContainsFunc(outside, w.admits)
	default:
		w.oneOf(open, source)
	}
}

// oneOf notes that one of several demands has to be met.
func (w *way) oneOf(open []demand, source string) {
	var texts []string
	kept := true
	for _, d := range open {
		if d.unknown {
			w.strange(d.text + " (" + source + ")")
			return
		}
		texts, w.placed = append(texts, d.text), w.placed || d.place
		kept = kept && (d.endpoint || d.networks != nil && !d.admitsOutside())
	}
	w.kept = w.kept || kept
	w.needs = append(w.needs, strings.Join(texts, " or ")+" ("+source+")")
}

// demand adds what a single test demands.
func (w *way) demand(d demand, source string) {
	w.placed = w.placed || d.place
	switch {
	case d.is == yes:
	case d.is == no:
		w.never = true
	case d.unknown:
		w.strange(d.text)
	case d.networks != nil:
		w.within(*d.networks, source)
		w.public = true
	case d.endpoint:
		w.endpoints = append(w.endpoints, d.text)
	default:
		if d.externalIDs != nil {
			w.withExternalID(*d.externalIDs)
		}
		w.needs = append(w.needs, d.text)
	}
}

func (w *way) within(networks []netip.Prefix, source string) {
	if w.networks != nil {
		networks = cidr.Subtract(*w.networks, cidr.Subtract(*w.networks, networks))
	}
	w.networks = &networks
	if !slices.Contains(w.from, source) {
		w.from = append(w.from, source)
	}
}

func (w *way) withExternalID(ids []string) {
	if w.externalID != nil {
		ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !slices.Contains(*w.externalID, id) })
	}
	w.externalID = &ids
}

// contradicts reports whether no call can meet all demands: a call through a VPC endpoint has no public source
// address (docs/aws-facts.md, "What aws:SourceIp sees").
func (w *way) contradicts() bool {
	return w.networks != nil && len(*w.networks) == 0 ||
		w.public && len(w.endpoints) > 0 ||
		w.externalID != nil && len(*w.externalID) == 0
}

// text puts the way into words. It is empty if there is no demand.
func (w *way) text() string {
	var parts []string
	if w.networks != nil && !everywhere(*w.networks) {
		parts = append(parts, "from "+networksText(*w.networks)+" ("+strings.Join(w.from, " and ")+")")
	}
	for _, e := range w.endpoints {
		parts = append(parts, "only "+e)
	}
	parts = append(parts, w.needs...)
	switch {
	case len(w.strangers) > 0:
		parts = append(parts, notEvaluated+Some(w.strangers))
	case len(parts) > 0 && !w.placed:
		parts = append(parts, "from any network")
	}
	return strings.Join(parts, ", ")
}

var allNetworks = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}

func everywhere(networks []netip.Prefix) bool { return len(cidr.Subtract(allNetworks, networks)) == 0 }
