package sandbox

import (
	"hash/fnv"
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/judge"
)

// IAM stores the unique id of each user and role that a trust policy names, and gives
// back the ARN for as long as they exist (docs/aws-facts.md, "Unique ids in principals").
// This file does both, in the document's own tree, so that everything else in it stays as it was written.

// storeTrust checks a trust policy and returns the form in which it is kept.
func (o *Organization) storeTrust(text string) (string, *apiError) {
	if _, refusal := parseDocument(text, judge.TrustPolicy); refusal != nil {
		return "", refusal
	}
	root, err := judge.ReadJSON(text)
	if err != nil {
		return "", malformedPolicy("%s", awsMessage(err))
	}
	for _, st := range root.Get("Statement").List() {
		who := st.Get("Principal")
		for i, family := range who.Keys {
			for _, item := range who.Items[i].List() {
				stored, ok := o.storedPrincipal(family, item.Text)
				if !ok {
					return "", malformedPolicy("Invalid principal in policy: %q:%q", strings.ToUpper(family), item.Text)
				}
				item.Text = stored
			}
		}
	}
	return jsonText(root), nil
}

// readTrust returns a stored trust policy as IAM shows it: ARNs in place of ids of existing users
// and roles, in another order than written, one-element lists collapsed.
func (o *Organization) readTrust(stored string) string {
	root, err := judge.ReadJSON(stored)
	if err != nil {
		return stored
	}
	body := root.Get("Statement")
	for _, st := range body.List() {
		o.showPrincipals(st.Get("Principal"))
		for _, field := range []string{"Action", "NotAction"} {
			collapseMember(st, field)
		}
		if conditions := st.Get("Condition"); conditions != nil {
			for _, keys := range conditions.Items {
				for _, key := range keys.Keys {
					collapseMember(keys, key)
				}
			}
		}
	}
	return jsonText(root)
}

func (o *Organization) showPrincipals(who *judge.Node) {
	for i, family := range who.Keys {
		list := who.Items[i].List()
		slices.SortStableFunc(list, func(x, y *judge.Node) int { return int(shuffle(x.Text)) - int(shuffle(y.Text)) })
		for _, item := range list {
			if arn, ok := o.arnOf(item.Text); ok {
				item.Text = arn
			}
		}
		collapseMember(who, family)
	}
}

// shuffle gives principals an order that is stable, and neither as written nor sorted.
func shuffle(s string) uint16 {
	h := fnv.New32a()
	h.Write([]byte(s))
	return uint16(h.Sum32())
}

func collapseMember(n *judge.Node, key string) {
	for i, k := range n.Keys {
		if k == key {
			n.Items[i] = collapse(n.Items[i])
		}
	}
}

// entity is the user or the role with a unique id.
type entity struct {
	account *account
	user    *user
	role    *role
}

func (e entity) arn() string {
	if e.user != nil {
		return e.account.userARN(e.user)
	}
	return e.account.roleARN(e.role)
}

func (o *Organization) arnOf(id string) (string, bool) {
	e, ok := o.entities[id]
	if !ok {
		return "", false
	}
	return e.arn(), true
}

// storedPrincipal returns the form in which a principal is kept; ok is false when it
// names nobody.
func (o *Organization) storedPrincipal(family, value string) (string, bool) {
	switch family {
	case "Service":
		return value, validService(value)
	case "Federated":
		return value, o.validFederated(value)
	}
	if value == "*" {
		return value, true
	}
	if access.AccountID(value).Valid() {
		value = "arn:aws:iam::" + value + ":root"
	}
	if _, ok := o.entities[value]; ok {
		return value, true
	}
	parts := strings.SplitN(value, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[1] != "aws" || parts[3] != "" {
		return "", false
	}
	return o.storedARN(value, parts[2], access.AccountID(parts[4]), parts[5])
}

func (o *Organization) storedARN(arn, service string, id access.AccountID, resource string) (string, bool) {
	a := o.accounts[id]
	if resource == "root" && service == "iam" {
		return arn, a != nil || slices.Contains(o.company.Outside, id)
	}
	kind, rest, _ := strings.Cut(resource, "/")
	if a == nil {
		return "", false
	}
	switch {
	case service == "iam" && kind == "user":
		u := a.user(lastPart(rest))
		return idIf(u != nil && a.userARN(u) == arn, func() string { return u.ID })
	case service == "iam" && kind == "role":
		r := a.role(lastPart(rest))
		return idIf(r != nil && a.roleARN(r) == arn, func() string { return r.ID })
	case service == "sts" && kind == "assumed-role":
		name, session, found := strings.Cut(rest, "/")
		return arn, found && session != "" && a.role(name) != nil
	default:
		return "", false
	}
}

func idIf(ok bool, id func() string) (string, bool) {
	if !ok {
		return "", false
	}
	return id(), true
}

func lastPart(path string) string { return path[strings.LastIndex(path, "/")+1:] }

var webProviders = []string{"cognito-identity.amazonaws.com", "accounts.google.com", "www.amazon.com", "graph.facebook.com"}

func (o *Organization) validFederated(value string) bool {
	if slices.Contains(webProviders, value) {
		return true
	}
	parts := strings.SplitN(value, ":", 6)
	if len(parts) != 6 || parts[2] != "iam" || o.accounts[access.AccountID(parts[4])] == nil {
		return false
	}
	return strings.HasPrefix(parts[5], "saml-provider/") || strings.HasPrefix(parts[5], "oidc-provider/")
}
