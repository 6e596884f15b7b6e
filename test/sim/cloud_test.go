package sim

import (
	"slices"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// modelCloud is an AWS organization: documents by their place.
type modelCloud struct {
	docs documents
	gone map[place]bool    // roles and users that were deleted
	past map[place]earlier // documents that AWS still shows in places
	dead map[access.AccountID]access.CloudClass
	busy map[access.AccountID]time.Time // throttles every call until then

	users, roles []place
	stale        func() bool // draws whether a read shows the document before
}

// earlier is a document that some reads show until a time.
type earlier struct {
	document string
	until    time.Time
}

func newModelCloud(w *world, stale func() bool) *modelCloud {
	c := &modelCloud{
		docs: make(documents, len(w.read)), gone: map[place]bool{}, past: map[place]earlier{},
		dead: map[access.AccountID]access.CloudClass{}, busy: map[access.AccountID]time.Time{},
		users: w.users, roles: w.roles, stale: stale,
	}
	for p, document := range w.read {
		c.docs[p] = document
	}
	return c
}

// owner is the role or user that a document belongs to.
func (p place) owner() place {
	if p.resource.Kind == access.ResourceAttachments {
		p.resource.Kind = access.ResourceUser
	}
	return p
}

func (c *modelCloud) exists(p place) bool {
	switch owner := p.owner(); p.resource.Kind {
	case access.ResourceRole:
		return slices.Contains(c.roles, owner) && !c.gone[owner]
	case access.ResourcePolicy:
		return c.docs[p] != ""
	default:
		return slices.Contains(c.users, owner) && !c.gone[owner]
	}
}

func (c *modelCloud) read(account access.AccountID, resources []access.Resource) ([]access.LiveDocument, error) {
	if err := c.refusesAll(account); err != nil {
		return nil, err
	}
	docs := make([]access.LiveDocument, len(resources))
	for i, r := range resources {
		p := place{account, r}
		docs[i].Resource = r
		if !c.exists(p) {
			continue
		}
		docs[i] = liveDocument(p.owner(), c.docs[p])
		docs[i].Resource = r
		if old, lags := c.past[p]; lags && time.Now().Before(old.until) && c.stale() {
			docs[i].Document = old.document
		} else { // AWS does not take back a document that it has shown
			delete(c.past, p)
		}
	}
	return docs, nil
}

// refusesAll says why an account refuses every call; nil if it answers.
func (c *modelCloud) refusesAll(account access.AccountID) error {
	switch class := c.dead[account]; {
	case class != "":
		return refusal(class, account)
	case time.Now().Before(c.busy[account]):
		return refusal(access.CloudThrottled, account)
	default:
		return nil
	}
}

// refuses says why AWS refuses a write; nil if AWS accepts it.
func (c *modelCloud) refuses(p place, document string) error {
	switch {
	case c.refusesAll(p.account) != nil:
		return c.refusesAll(p.account)
	case p.resource.Kind != access.ResourcePolicy && !c.exists(p):
		return refusal(access.CloudGone, p.account)
	case p.resource.Kind == access.ResourcePolicy && document == "" && c.attached(p):
		return refusal(access.CloudUnknown, p.account)
	case p.resource.Kind == access.ResourceAttachments && !c.canAttach(p, document):
		return refusal(access.CloudGone, p.account)
	case p.resource.Kind == access.ResourceRole && c.namesMissing(document):
		return refusal(access.CloudInvalidPrincipal, p.account)
	default:
		return nil
	}
}

// attached reports whether a managed policy is attached to a user of its account.
func (c *modelCloud) attached(policy place) bool {
	return slices.ContainsFunc(c.users, func(u place) bool {
		return u.account == policy.account && strings.Contains(c.docs[u.attachments()], `"`+policy.arn()+`"`)
	})
}

// canAttach reports whether all of our managed policies of a list are there.
func (c *modelCloud) canAttach(user place, document string) bool {
	arns, _ := access.Attachments(document)
	wanted, _ := access.UserSideAttachments(arns)
	return !slices.ContainsFunc(wanted,
		func(arn string) bool { return c.docs[managedPolicy(user.account, arn)] == "" })
}

// managedPolicy is the place of a user-side policy with an ARN.
func managedPolicy(account access.AccountID, arn string) place {
	return place{account, access.Resource{
		Kind: access.ResourcePolicy, Path: access.UserSidePath,
		Name: arn[strings.LastIndexByte(arn, '/')+1:],
	}}
}

// namesMissing reports whether a trust policy names a user who is not there.
func (c *modelCloud) namesMissing(document string) bool {
	for user := range c.gone {
		if user.resource.Kind == access.ResourceUser && strings.Contains(document, `"`+user.arn()+`"`) {
			return true
		}
	}
	return false
}

// put puts a document in place.
func (c *modelCloud) put(p place, document string, lag time.Duration) {
	if lag > 0 {
		c.past[p] = earlier{c.docs[p], time.Now().Add(lag)}
	} else {
		delete(c.past, p)
	}
	if p.resource.Kind == access.ResourceAttachments {
		document = c.attach(p, document)
	}
	c.docs.put(p, document)
}

// attach changes of a user's attachments only ours.
func (c *modelCloud) attach(p place, document string) string {
	live, _ := access.Attachments(c.docs[p])
	wanted, _ := access.Attachments(document)
	_, others := access.UserSideAttachments(live)
	mine, _ := access.UserSideAttachments(wanted)
	return access.AttachmentsDocument(append(others, mine...))
}
