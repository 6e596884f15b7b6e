package access

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// User-side policies hold a user to allowlists that are too long for a role's trust
// policy. They are customer managed policies of the role's account, made for this one
// user and attached to no other user. Their path tells them from the policies of others,
// and is all that the console's session may write to.
const (
	UserSidePath   = "/portcullis/"
	userSidePrefix = "Portcullis-"
)

// UserSidePolicy names the n-th of a user's user-side policies, counted from 1.
func UserSidePolicy(user string, n int) Resource {
	return Resource{Kind: ResourcePolicy, Path: UserSidePath, Name: userSidePrefix + user + "-" + strconv.Itoa(n)}
}

// UserSideOwner returns the user that a user-side policy is made for, and its number. ok
// is false for a policy that is not ours.
func UserSideOwner(r Resource) (user string, n int, ok bool) {
	name, found := strings.CutPrefix(r.Name, userSidePrefix)
	at := strings.LastIndexByte(name, '-')
	if !found || r.Path != UserSidePath || at < 1 {
		return "", 0, false
	}
	n, err := strconv.Atoi(name[at+1:])
	return name[:at], n, err == nil && n > 0 && strconv.Itoa(n) == name[at+1:]
}

// attachments is the form in which a user's attached managed policies are a document.
type attachments struct {
	AttachedPolicies []string
}

// AttachmentsDocument writes ARNs of managed policies as a document: sorted, each once.
// It is "" for none.
func AttachmentsDocument(arns []string) string {
	if len(arns) == 0 {
		return ""
	}
	arns = slices.Clone(arns)
	slices.Sort(arns)
	text, err := json.Marshal(attachments{slices.Compact(arns)})
	if err != nil {
		return "" // not reached: strings can be written
	}
	return string(text)
}

// Attachments reads what AttachmentsDocument wrote.
func Attachments(document string) ([]string, error) {
	if document == "" {
		return nil, nil
	}
	var a attachments
	if err := json.Unmarshal([]byte(document), &a); err != nil {
		return nil, Wrap(KindInvalid, err, "This is not a list of attached policies.")
	}
	return a.AttachedPolicies, nil
}

// UserSideAttachments parts ARNs of attached policies into ours and those of others.
func UserSideAttachments(arns []string) (ours, others []string) {
	for _, arn := range arns {
		if _, _, ok := UserSideOwner(policyOf(arn)); ok {
			ours = append(ours, arn)
		} else {
			others = append(others, arn)
		}
	}
	return ours, others
}

// policyOf reads path and name of a managed policy out of its ARN.
func policyOf(arn string) Resource {
	_, rest, _ := strings.Cut(arn, ":policy/")
	path, name := splitPath(rest)
	return Resource{Kind: ResourcePolicy, Path: path, Name: name}
}

// userSideARN is the ARN of a managed policy in an account.
func userSideARN(r Resource, partition string, account AccountID) string {
	return "arn:" + partition + ":iam::" + string(account) + ":policy" + cmp.Or(r.Path, "/") + r.Name
}
