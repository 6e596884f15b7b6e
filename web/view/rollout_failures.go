package view

import (
	"portcullis.internal/portcullis/internal/access"
)

// className names a class of refusal for people.
func className(c access.CloudClass) string {
	switch c {
	case access.CloudThrottled:
		return "Throttled"
	case access.CloudDenied:
		return "Denied by IAM"
	case access.CloudDeniedSCP:
		return "Denied by an SCP"
	case access.CloudDeniedRCP:
		return "Denied by an RCP"
	case access.CloudGone:
		return "Gone"
	case access.CloudMalformed:
		return "Malformed document"
	case access.CloudInvalidPrincipal:
		return "Unknown principal"
	case access.CloudQuota:
		return "Over the quota"
	case access.CloudUnreachable:
		return "No answer"
	case access.CloudUnmodifiable:
		return "Cannot be changed"
	case access.CloudBusy:
		return "Being changed"
	case access.CloudWrongAccount:
		return "Session of another account"
	case access.CloudCredentials:
		return "Console's credentials refused"
	case access.CloudPlanChanged:
		return "Plan changed"
	case access.CloudBlocked:
		return "Blocked by other accounts"
	case access.CloudUnknown:
		return "Unknown"
	default:
		return ""
	}
}

// failureName is the class of a group in words; a conflict has none.
func failureName(g access.FailureGroup) string {
	if g.State == access.TargetConflict {
		return "Conflict"
	}
	if name := className(g.Class); name != "" {
		return name
	}
	return "Failed"
}

// FailureSentence says of a group what is wrong, in how many accounts of which OU, and
// why: "AccessDenied in 14 accounts of OU Sandbox: the deployment role lacks …".
func FailureSentence(g access.FailureGroup) string {
	head := g.Code
	if head == "" {
		head = failureName(g)
	}
	s := head + " in " + Count(g.Targets, "account")
	switch len(g.OUs) {
	case 0:
	case 1:
		s += " of OU " + shortOU(g.OUs[0].OU)
	default:
		s += " of " + Number(len(g.OUs)) + " OUs"
	}
	if g.Cause != "" {
		s += ": " + g.Cause
	}
	return s
}

// shortOU leaves the root out of a path: "Workloads/Prod".
func shortOU(path string) string {
	names, err := access.SplitOUPath(path)
	if err != nil || len(names) < 2 {
		return path
	}
	return access.JoinOUPath(names[1:]...)
}

// ousOf lists the OUs of a group, the largest first, so many of them.
func ousOf(g access.FailureGroup, most int) []string {
	var out []string
	for i, ou := range g.OUs {
		if i == most {
			return append(out, "and "+Number(len(g.OUs)-most)+" more OUs")
		}
		out = append(out, shortOU(ou.OU)+" "+Number(ou.Targets))
	}
	return out
}

// failureURL lists the accounts of a group.
func failureURL(id int64, g access.FailureGroup) string {
	return With(RolloutURL(id), "state", string(g.State), "class", string(g.Class), "cause", g.Cause) + "#targets"
}
