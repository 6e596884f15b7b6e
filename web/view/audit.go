package view

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// ObjectURL is the page of what an audit event was about, "" where there is none.
// Objects are written like "change/12" and "rollout/3/111122223333".
func ObjectURL(object string) string {
	kind, rest, _ := strings.Cut(object, "/")
	first, second, _ := strings.Cut(rest, "/")
	id, err := strconv.ParseInt(first, 10, 64)
	numbered := err == nil && id > 0
	switch {
	case kind == "change" && numbered:
		return ChangeURL(id)
	case kind == "rollout" && numbered && access.AccountID(second).Valid():
		return TargetURL(id, access.AccountID(second))
	case kind == "rollout" && numbered:
		return RolloutURL(id)
	case kind == "account" && access.AccountID(first).Valid():
		return AccountURL(access.AccountID(first))
	default:
		return ""
	}
}

// prettyJSON lays JSON out for people; what is none is shown as it is.
func prettyJSON(raw json.RawMessage) string {
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return string(raw)
	}
	return b.String()
}

// eventWords says what somebody did, for people; what has no words is shown by its name.
func eventWords(action string) string {
	if said, ok := eventNames[action]; ok {
		return said
	}
	if said, ok := actionWords[action]; ok {
		return said
	}
	return action
}

// eventNames has words for everything on record but what stands in a change's history.
var eventNames = map[string]string{
	"signin.ok":           "signed in",
	"signin.failed":       "failed to sign in",
	"signin.throttled":    "tried to sign in too often",
	"signout":             "signed out",
	"person.add":          "added a person",
	"person.place":        "changed what a person may do",
	"person.password":     "set a new password",
	"person.reset":        "made a link to choose a password",
	"person.vouch":        "vouched for a person",
	"person.rehash":       "stored a password anew",
	"person.sessions_end": "signed out everywhere else",
	"person.session_end":  "ended one of their sessions",
	"person.identity":     "tied a person to an identity provider",
	"token.create":        "made an API token",
	"token.revoke":        "revoked an API token",
	"access.refused":      "was refused",

	"rollout.start":           "started a rollout",
	"rollout.pause":           "paused a rollout",
	"rollout.resume":          "resumed a rollout",
	"rollout.abort":           "aborted a rollout",
	"rollout.retry":           "had failed accounts retried",
	"rollout.override_window": "let a rollout run outside its maintenance window",
	"rollout.window_unknown":  "could not tell the maintenance window of a rollout",
	"rollout.open_unverified": "accepted that a rollout opens roles without proof",
	"rollout.check_again":     "had a wave checked again",
	"rollout.max_in_flight":   "changed how many accounts are in flight",
	"rollout.approve_wave":    "approved a wave",
	"rollout.wave_ended":      "ended a wave",
	"rollout.confirm":         "confirmed a rollout",
	"rollout.unconfirmed":     "found a rollout unconfirmed in time",
	"rollout.skip_queue":      "let a rollout skip the queue",
	"rollout.halted":          "halted a rollout",
	"rollout.completed":       "completed a rollout",
	"rollout.roll_back":       "had a rollout rolled back",
	"rollout.rollback_begun":  "began to roll back",
	"rollout.rolled_back":     "rolled back",
	"target.succeeded":        "wrote an account and read it back",
	"target.failed":           "failed at an account",
	"target.plan_changed":     "found the approved operations of an account altered, and wrote nothing",
	"target.conflict":         "met an edit by somebody else",
	"target.continues":        "wrote an account, which continues later",
	"target.retry":            "had an account retried",
	"target.skip":             "left an account out",
	"conflict.resolve":        "decided about an edit by somebody else",
	"operation.write":         "is about to write to IAM",

	"organization.sync":   "had the organization read",
	"organization.ask":    "asked admins to confirm the answer of AWS Organizations",
	"organization.accept": "accepted the answer of AWS Organizations",
	"organization.read":   "read the organization",
	"drift.scan":          "had all accounts compared",
	"drift.found":         "found a difference, or its end",
	"drift.forget":        "closed findings of former targets",
	"finding.acknowledge": "acknowledged a finding",
	"finding.reopen":      "reopened a finding",

	"export.scenario": "exported the desired state",
	"export.entries":  "exported an allowlist",
	"export.account":  "exported an account's documents",
	"export.audit":    "exported the audit log",

	"export.undo_by_hand": "exported the script that undoes it by hand",
}
