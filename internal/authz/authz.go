// Package authz is the table of who may do what in the console. It is pure: services
// ask it in the first line of every method, and pages ask it for what to show.
package authz

import (
	"slices"

	"portcullis.internal/portcullis/internal/access"
)

// Permission is one thing that may be allowed.
type Permission string

// The permissions.
const (
	Read             Permission = "read"               // allowlists, mappings, accounts, changes, rollouts, explain
	ReadAudit        Permission = "read_audit"         // the audit log
	EditChange       Permission = "edit_change"        // compose, submit, withdraw, rebase
	ReviewChange     Permission = "review_change"      // approve, reject; never one's own
	ApplyChange      Permission = "apply_change"       // start the rollout of an approved change
	ControlRollout   Permission = "control_rollout"    // pause, resume, abort, skip, retry, approve waves, confirm, roll back
	SyncAccounts     Permission = "sync_accounts"      // read the organization again
	AcceptSync       Permission = "accept_sync"        // confirm what a sync must not change alone
	ManageFindings   Permission = "manage_findings"    // acknowledge findings, or reopen them
	ManagePeople     Permission = "manage_people"      // people, roles, anybody's passwords, sessions and tokens
	WithdrawAny      Permission = "withdraw_any"       // withdraw changes of others
	ManageOwnAccount Permission = "manage_own_account" // one's own password and sessions; not for tokens
	ReadJobs         Permission = "read_jobs"          // the job queue's own pages; not for tokens
	BreakGlass       Permission = "break_glass"        // apply a change alone, if the settings allow it; not for tokens
)

var everyone = []access.Role{access.RoleViewer, access.RoleEditor, access.RoleApprover, access.RoleOperator, access.RoleAuditor, access.RoleAdmin, access.RoleBreakGlass}

var table = map[Permission][]access.Role{
	Read:             everyone,
	ReadAudit:        {access.RoleAuditor, access.RoleAdmin},
	EditChange:       {access.RoleEditor, access.RoleBreakGlass},
	ReviewChange:     {access.RoleApprover},
	ApplyChange:      {access.RoleOperator},
	ControlRollout:   {access.RoleOperator},
	SyncAccounts:     {access.RoleOperator, access.RoleAdmin},
	AcceptSync:       {access.RoleAdmin},
	ManageFindings:   {access.RoleOperator},
	ManagePeople:     {access.RoleAdmin},
	WithdrawAny:      {access.RoleAdmin},
	ManageOwnAccount: everyone,
	ReadJobs:         {access.RoleAdmin},
	BreakGlass:       {access.RoleBreakGlass},
}

// scopes says which scope a token needs for each permission, in addition to its person's role.
// A permission without a line is not for tokens.
var scopes = map[Permission]access.TokenScope{
	Read:           access.ScopeRead,
	ReadAudit:      access.ScopeRead,
	EditChange:     access.ScopePropose,
	ReviewChange:   access.ScopeReview,
	ApplyChange:    access.ScopeApply,
	ControlRollout: access.ScopeRollout,
	SyncAccounts:   access.ScopeRollout,
	AcceptSync:     access.ScopeAdmin,
	ManageFindings: access.ScopeRollout,
	WithdrawAny:    access.ScopeAdmin,
	ManagePeople:   access.ScopePeople,
}

// Permissions lists every permission.
func Permissions() []Permission {
	return []Permission{
		Read, ReadAudit, EditChange, ReviewChange, ApplyChange, ControlRollout, SyncAccounts,
		AcceptSync, ManageFindings, ManagePeople, WithdrawAny, ManageOwnAccount, ReadJobs, BreakGlass,
	}
}

// Can reports whether an actor has a permission. The system has every permission but
// to review and to break the glass: only people do that.
func Can(actor access.Actor, p Permission) bool {
	if actor.Kind == access.ActorSystem {
		return p != ReviewChange && p != BreakGlass
	}
	return slices.ContainsFunc(table[p], actor.Has) && inScope(actor, p)
}

// inScope reports whether an actor is no token, or one that was given this permission.
func inScope(actor access.Actor, p Permission) bool {
	scope, known := scopes[p]
	return actor.Kind != access.ActorToken || known && slices.Contains(actor.Scopes, scope)
}

// Require returns nil when the actor has the permission, else an error that says which
// console roles would have it, or which scope a token lacks.
func Require(actor access.Actor, p Permission) error {
	switch {
	case Can(actor, p):
		return nil
	case actor.Kind == "":
		return access.Errorf(access.KindUnauthenticated, "Sign in first.")
	case !slices.ContainsFunc(table[p], actor.Has):
		return access.Errorf(access.KindForbidden, "Your roles do not allow this. It needs %s.", names(table[p]))
	default:
		return outOfScope(actor, p)
	}
}

func outOfScope(actor access.Actor, p Permission) error {
	scope, known := scopes[p]
	if !known {
		return access.Errorf(access.KindForbidden, "API tokens are not for this. Sign in to the console instead.")
	}
	if slices.Contains(actor.Withheld, scope) {
		return access.Errorf(access.KindForbidden, "The settings do not let API tokens %s changes: "+
			"tokens_may_%s is off. Sign in to the console to %s, or have the setting changed by a reviewed change.", scope, scope, scope)
	}
	return access.Errorf(access.KindForbidden, "This API token does not have the scope %s. Make one that has it.", scope)
}

func names(roles []access.Role) string {
	s := "the role " + string(roles[0])
	for _, r := range roles[1:] {
		s += " or " + string(r)
	}
	return s
}
