package rollout

import (
	"errors"
	"fmt"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// result says how a target ends, by its steps: any failure makes it failed, else any
// conflict a conflict, else any document that was left as it is makes it skipped, else
// any write succeeded. The message is the first of the worst.
func result(steps []step, r *refusal) access.TargetResult {
	if r != nil {
		return access.TargetResult{State: access.TargetFailed, Message: r.message, Class: r.class, Code: r.code, Cause: r.cause, Advice: r.advice}
	}
	in := func(state access.OperationState) func(*step) bool {
		return func(s *step) bool { return s.state == state }
	}
	for _, end := range []struct {
		found []*step
		to    access.TargetState
	}{
		{those(steps, in(access.OperationFailed)), access.TargetFailed},
		{those(steps, in(access.OperationConflict)), access.TargetConflict},
		{those(steps, func(s *step) bool { return s.left }), access.TargetSkipped},
	} {
		if len(end.found) > 0 {
			return endedAs(end.to, end.found)
		}
	}
	if why := leftOutOf(steps); why != "" {
		return access.TargetResult{
			State: access.TargetFailed, Message: why, Class: access.CloudBlocked,
			Cause:  "documents that come first could not be set or verified",
			Advice: "See what these accounts say, retry them, and then this target. A reviewer may let the rollout open the roles of an account without this proof.",
		}
	}
	end := access.TargetResult{State: access.TargetUnchanged, Message: absentees(steps)}
	if len(those(steps, in(access.OperationWritten))) > 0 {
		end.State = access.TargetSucceeded
	}
	return end
}

func those(steps []step, match func(*step) bool) []*step {
	var found []*step
	for i := range steps {
		if match(&steps[i]) {
			found = append(found, &steps[i])
		}
	}
	return found
}

func endedAs(state access.TargetState, found []*step) access.TargetResult {
	worst := found[0]
	return access.TargetResult{
		State: state, Message: worst.message + more(len(found)-1), Class: worst.class, Code: worst.code, Cause: worst.cause, Advice: worst.advice,
	}
}

// absentees tells of users that are not there, which blocks nothing and still should be
// known.
func absentees(steps []step) string {
	told := those(steps, func(s *step) bool { return s.said() != "" })
	told = append(told, those(steps, func(s *step) bool { return s.state == access.OperationSkipped })...)
	if len(told) == 0 {
		return ""
	}
	said := told[0].said()
	if said == "" {
		said = told[0].message
	}
	return said + more(len(told)-1)
}

func more(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(" And %d more.", n)
}

// refusedOperation ends an operation of a target in which nothing could be done. After
// an interrupted write nobody knows the effect.
func refusedOperation(op access.Operation) decision {
	switch {
	case (op.State == access.OperationPlanned || op.State == "") && !wasAttempted(op):
		return decision{state: access.OperationSkipped, message: "Not attempted: nothing could be done in this account."}
	case op.State == access.OperationIntended || op.State == access.OperationPlanned:
		return decision{state: access.OperationFailed, message: "It is not known whether an earlier, interrupted write took effect: the account cannot be read now."}
	default:
		return decision{state: op.State, message: op.Message, recorded: true}
	}
}

// newRefusal puts a refusal of AWS into words.
func newRefusal(err error) refusal {
	var e *access.CloudError
	if !errors.As(err, &e) {
		return refusal{class: access.CloudUnknown, cause: "something that is no refusal of AWS", message: sentence(err.Error()), advice: advice(access.CloudUnknown)}
	}
	r := refusal{class: e.Class, code: e.Code, cause: e.Cause, message: sentence(e.Error()), advice: e.Advice}
	if r.advice == "" {
		r.advice = advice(e.Class)
	}
	return r
}

func sentence(s string) string {
	if s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

// advice is what to do about a class of refusal when nothing more exact is known.
func advice(c access.CloudClass) string {
	switch c {
	case access.CloudDeniedSCP, access.CloudDeniedRCP:
		return "Ask those who keep the organization's policies to let the deployment role through, or leave the account out."
	case access.CloudDenied:
		return "See whether the deployment role exists in the account, trusts the console and has the permissions of the template, and whether an SCP or RCP denies the call."
	case access.CloudGone:
		return "Create what is missing, or leave it out of the mappings, and retry the target."
	case access.CloudMalformed:
		return "AWS refuses the document. Look at it under this target's operations and correct the mapping."
	case access.CloudInvalidPrincipal:
		return "A user named in the trust policy does not exist, or was created moments ago. Correct the mapping, or wait two minutes and retry the target."
	case access.CloudQuota:
		return "Shorten the allowlist, split the role, or ask AWS for a higher quota, and retry the target."
	case access.CloudUnreachable:
		return "See whether the console reaches AWS from its network, and retry the target."
	case access.CloudUnmodifiable:
		return "A service-linked role belongs to an AWS service and cannot be changed. Leave it out of the mappings."
	case access.CloudWrongAccount:
		return "Check the proxy between the console and AWS, which mixes up answers, and retry the target."
	case access.CloudPlanChanged:
		return "Find out who altered the database: the audit log has both digests. Abort the rollout, and submit the change again."
	case access.CloudBusy:
		return "Something else keeps changing this role or user. See in CloudTrail what does, wait some minutes and retry the target."
	default:
		return "Look at the message and retry the target."
	}
}
