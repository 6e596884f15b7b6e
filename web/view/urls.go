package view

import (
	"net/url"
	"strconv"

	"portcullis.internal/portcullis/internal/access"
)

// OverviewURL is the first page.
func OverviewURL() string { return "/" }

// SignInURL is the sign-in form.
func SignInURL() string { return "/signin" }

// OIDCURL begins a sign-in at the identity provider, after which the reader goes on to a
// page.
func OIDCURL(next string) string {
	if next == "" {
		return "/signin/oidc"
	}
	return "/signin/oidc?" + url.Values{"next": {next}}.Encode()
}

// SignOutURL ends the session.
func SignOutURL() string { return "/signout" }

// ThemeURL remembers light or dark.
func ThemeURL() string { return "/theme" }

// AllowlistsURL lists the allowlists.
func AllowlistsURL() string { return "/allowlists" }

// NewAllowlistURL is the form of a new allowlist.
func NewAllowlistURL() string { return "/allowlists/new" }

// AllowlistURL is one allowlist.
func AllowlistURL(id string) string { return "/allowlists/" + url.PathEscape(id) }

// EditAllowlistURL renames and describes an allowlist.
func EditAllowlistURL(id string) string { return AllowlistURL(id) + "/edit" }

// RemoveAllowlistURL asks before an allowlist is removed.
func RemoveAllowlistURL(id string) string { return AllowlistURL(id) + "/remove" }

// AddEntriesURL takes pasted entries.
func AddEntriesURL(id string) string { return AllowlistURL(id) + "/entries" }

// RemoveEntriesURL takes the keys of entries to remove.
func RemoveEntriesURL(id string) string { return AllowlistURL(id) + "/entries/remove" }

// EntryURL is the form of one entry; the form itself is sent to the address without key.
func EntryURL(allowlist, key string) string {
	return With(AllowlistURL(allowlist)+"/entry", "key", key)
}

// MappingsURL lists the mappings.
func MappingsURL() string { return "/mappings" }

// NewMappingURL is the form of a new mapping.
func NewMappingURL() string { return "/mappings/new" }

// MappingURL is one mapping.
func MappingURL(id string) string { return "/mappings/" + url.PathEscape(id) }

// EditMappingURL is the form of a mapping.
func EditMappingURL(id string) string { return MappingURL(id) + "/edit" }

// RemoveMappingURL asks before a mapping is removed.
func RemoveMappingURL(id string) string { return MappingURL(id) + "/remove" }

// AccountsURL lists the accounts.
func AccountsURL() string { return "/accounts" }

// AccountURL is one account.
func AccountURL(id access.AccountID) string { return "/accounts/" + url.PathEscape(string(id)) }

// SyncURL reads the organization again.
func SyncURL() string { return "/accounts/sync" }

// ChangesURL lists the changes.
func ChangesURL() string { return "/changes" }

// ChangeURL is one change.
func ChangeURL(id int64) string { return "/changes/" + number(id) }

// EditChangeURL takes title and reason.
func EditChangeURL(id int64) string { return ChangeURL(id) + "/edit" }

// ReviewChangeURL takes a review.
func ReviewChangeURL(id int64) string { return ChangeURL(id) + "/review" }

// ApplyChangeURL applies an approved change.
func ApplyChangeURL(id int64) string { return ChangeURL(id) + "/apply" }

// WithdrawChangeURL takes a change back.
func WithdrawChangeURL(id int64) string { return ChangeURL(id) + "/withdraw" }

// WithdrawReviewURL takes the reader's approval of a change back.
func WithdrawReviewURL(id int64) string { return ChangeURL(id) + "/withdraw-review" }

// RebaseChangeURL puts a change on the newest revision.
func RebaseChangeURL(id int64) string { return ChangeURL(id) + "/rebase" }

// DropEditURL removes one edit from a draft.
func DropEditURL(id int64) string { return ChangeURL(id) + "/drop" }

// RolloutsURL lists the rollouts.
func RolloutsURL() string { return "/rollouts" }

// PushAgainURL pushes the newest revision once more.
func PushAgainURL() string { return "/rollouts" }

// RolloutURL is one rollout.
func RolloutURL(id int64) string { return "/rollouts/" + number(id) }

// RolloutEventsURL is the live stream of a rollout.
func RolloutEventsURL(id int64) string { return RolloutURL(id) + "/events" }

// PauseURL pauses a rollout.
func PauseURL(id int64) string { return RolloutURL(id) + "/pause" }

// ResumeURL resumes a rollout.
func ResumeURL(id int64) string { return RolloutURL(id) + "/resume" }

// AbortURL aborts a rollout.
func AbortURL(id int64) string { return RolloutURL(id) + "/abort" }

// RetryURL retries the failed accounts of a rollout.
func RetryURL(id int64) string { return RolloutURL(id) + "/retry" }

// TargetURL is one account of a rollout.
func TargetURL(id int64, account access.AccountID) string {
	return RolloutURL(id) + "/targets/" + url.PathEscape(string(account))
}

// ExplainURL asks whether a user can assume a role from a network.
func ExplainURL() string { return "/explain" }

// AuditURL is the audit log.
func AuditURL() string { return "/audit" }

// TokensURL lists and makes API tokens.
func TokensURL() string { return "/tokens" }

// RevokeTokenURL ends a token.
func RevokeTokenURL(id int64) string { return TokensURL() + "/" + number(id) + "/revoke" }

// PeopleURL lists who can sign in.
func PeopleURL() string { return "/people" }

// PersonURL says what somebody is.
func PersonURL(id int64) string { return PeopleURL() + "/" + strconv.FormatInt(id, 10) }

// NewPersonURL adds somebody.
func NewPersonURL() string { return PeopleURL() + "/new" }

// ChoosePasswordURL is the form in which a person chooses a password with a link. The secret of the link comes after a
// # so that the browser does not send it with the address.
func ChoosePasswordURL() string { return "/password" }

// VouchURL vouches for a person.
func VouchURL(id int64) string { return PersonURL(id) + "/vouch" }

// ResetPasswordURL makes a link with which a person chooses another password.
func ResetPasswordURL(id int64) string { return PersonURL(id) + "/password" }

// SignOutPersonURL ends all sessions of somebody.
func SignOutPersonURL(id int64) string { return PersonURL(id) + "/signout" }

// EndSessionURL ends one of the reader's own sessions.
func EndSessionURL(id int64) string { return EndSessionsURL() + "/" + number(id) + "/end" }

// ProfileURL is about whoever is signed in.
func ProfileURL() string { return "/profile" }

// PasswordURL replaces the reader's password.
func PasswordURL() string { return ProfileURL() + "/password" }

// EndSessionsURL ends the reader's other sessions.
func EndSessionsURL() string { return ProfileURL() + "/sessions" }

// JobsURL is the job queue's own pages.
func JobsURL() string { return "/jobs" }

// With adds query parameters, given as name and value in turn, to an address. Empty
// values are left out.
func With(address string, pairs ...string) string {
	if len(pairs) == 2 && pairs[1] != "" { // lists have many of these
		return address + "?" + url.QueryEscape(pairs[0]) + "=" + url.QueryEscape(pairs[1])
	}
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return address
	}
	return address + "?" + q.Encode()
}

func number(id int64) string { return strconv.FormatInt(id, 10) }

// OverrideGuardsURL overrides a lock-out guard.
func OverrideGuardsURL(id int64) string { return ChangeURL(id) + "/override-guards" }

// CommentChangeURL takes a comment.
func CommentChangeURL(id int64) string { return ChangeURL(id) + "/comment" }

// RevertChangeURL begins a draft that undoes an applied change.
func RevertChangeURL(id int64) string { return ChangeURL(id) + "/revert" }

// UndoChangeByHandURL is the script that undoes a change without the console.
func UndoChangeByHandURL(id int64) string { return ChangeURL(id) + "/undo-by-hand" }

// CloneChangeURL clones a change that was not applied.
func CloneChangeURL(id int64) string { return ChangeURL(id) + "/clone" }

// AloneChangeURL breaks the glass.
func AloneChangeURL(id int64) string { return ChangeURL(id) + "/alone" }

// ComposeChangeURL adds entries of an allowlist to the change.
func ComposeChangeURL(id int64) string { return ChangeURL(id) + "/entries" }

// SettingsURL shows review rules and settings.
func SettingsURL() string { return "/settings" }

// EditSettingsURL is the form of the settings.
func EditSettingsURL() string { return "/settings/edit" }

// NewRuleURL is the form of a new review rule.
func NewRuleURL() string { return "/settings/rules/new" }

// EditRuleURL is the form of a review rule.
func EditRuleURL(id string) string { return "/settings/rules/" + url.PathEscape(id) + "/edit" }

// RemoveRuleURL removes a review rule.
func RemoveRuleURL(id string) string { return "/settings/rules/" + url.PathEscape(id) + "/remove" }
