package sandbox

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/judge"
)

// operators are AWS's condition operators, as AWS writes them. IAM refuses another case
// (docs/aws-facts.md, "Condition operators").
var operators = []string{
	"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike",
	"StringNotLike",
	"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan",
	"NumericGreaterThanEquals", "DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan",
	"DateGreaterThanEquals", "Bool", "BinaryEquals", "IpAddress", "NotIpAddress", "ArnEquals", "ArnLike",
	"ArnNotEquals",
	"ArnNotLike", "Null",
}

// checkConditions refuses operators in another case and dates that are none. The grammar, which
// internal/judge checks, ignores case: it must also read documents that IAM does not store.
func checkConditions(root *judge.Node) *apiError {
	for _, st := range root.Get("Statement").List() {
		conditions := st.Get("Condition")
		if conditions == nil {
			continue
		}
		for i, name := range conditions.Keys {
			operator := plainOperator(name)
			if !slices.Contains(operators, operator) {
				return malformedPolicy("Syntax errors in policy.")
			}
			if strings.HasPrefix(operator, "Date") && !onlyDates(conditions.Items[i]) {
				return malformedPolicy("The policy failed legacy parsing")
			}
		}
	}
	return nil
}

// plainOperator is an operator without what may precede and follow it.
func plainOperator(name string) string {
	if rest, found := strings.CutPrefix(name, "ForAllValues:"); found {
		name = rest
	} else {
		name = strings.TrimPrefix(name, "ForAnyValue:")
	}
	return strings.TrimSuffix(name, "IfExists")
}

func onlyDates(keys *judge.Node) bool {
	for _, values := range keys.Items {
		for _, v := range values.List() {
			if !isDate(v.Text) && !strings.Contains(v.Text, "${") {
				return false
			}
		}
	}
	return true
}

var epoch = regexp.MustCompile(`^[0-9]+$`)

// isDate reports whether a text is a date in a form of ISO 8601 that AWS documents, or a number of
// seconds.
func isDate(s string) bool {
	if epoch.MatchString(s) {
		_, err := strconv.ParseInt(s, 10, 64)
		return err == nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01"} {
		if _, err := time.Parse(layout, s); err == nil {
			return true
		}
	}
	return false
}
