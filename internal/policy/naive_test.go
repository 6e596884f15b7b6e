package policy

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/access/accesstest"
	"portcullis.internal/portcullis/internal/iam"
)

// naive decides sts:AssumeRole the long way, over documents as encoding/json reads them
// and a request as a map of the keys that are there. It shares nothing with Evaluate: it
// is the rules of docs/aws-facts.md, "Same-account trust" and "Missing condition keys", once more, without regard to
// speed, and without anything that is not known.
type naive struct {
	keys        map[string]string // lower case; what is missing is absent from the call
	user        access.UserName
	role        access.RoleName
	roleAccount access.AccountID
}

func (n naive) decide(trust string, identity []string) bool {
	actions := []string{"sts:AssumeRole"}
	if n.keys["sts:sourceidentity"] != "" {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	for _, action := range actions {
		if !n.allows(action, trust, identity) {
			return false
		}
	}
	return true
}

func (n naive) allows(action, trust string, identity []string) bool {
	named, account, own := false, false, false
	for _, s := range naiveStatements(trust) {
		who := n.who(s["Principal"])
		if who == "" || !n.holds(s, action) {
			continue
		}
		if s["Effect"] == "Deny" {
			return false
		}
		named, account = named || who == "named", account || who == "account"
	}
	for _, doc := range identity {
		for _, s := range naiveStatements(doc) {
			if !n.resource(s) || !n.holds(s, action) {
				continue
			}
			if s["Effect"] == "Deny" {
				return false
			}
			own = true
		}
	}
	if n.user.Account == n.roleAccount && named {
		return true
	}
	return (named || account) && own
}

func naiveStatements(doc string) []map[string]any {
	var d struct{ Statement []map[string]any }
	if err := json.Unmarshal([]byte(doc), &d); err != nil {
		panic(err)
	}
	return d.Statement
}

func naiveList(v any) []string {
	switch x := v.(type) {
	case nil:
		return nil
	case string:
		return []string{x}
	case []any:
		var out []string
		for _, it := range x {
			out = append(out, it.(string))
		}
		return out
	default:
		panic(fmt.Sprintf("%T", v))
	}
}

func (n naive) who(principal any) string {
	how := ""
	for _, p := range naiveList(principal.(map[string]any)["AWS"]) {
		switch p {
		case "*", "arn:aws:iam::" + string(n.user.Account) + ":user" + n.user.Path + n.user.Name:
			return "named"
		case string(n.user.Account), "arn:aws:iam::" + string(n.user.Account) + ":root":
			how = "account"
		}
	}
	return how
}

func (n naive) resource(s map[string]any) bool {
	arn := "arn:aws:iam::" + string(n.roleAccount) + ":role" + n.role.Path + n.role.Name
	within := func(v any) bool {
		return slices.ContainsFunc(naiveList(v), func(p string) bool { return glob(p, arn) })
	}
	if s["NotResource"] != nil {
		return !within(s["NotResource"])
	}
	return within(s["Resource"])
}

// glob is the definition of wildcards.
func glob(pattern, s string) bool {
	if pattern == "" {
		return s == ""
	}
	if pattern[0] == '*' {
		for i := 0; i <= len(s); i++ {
			if glob(pattern[1:], s[i:]) {
				return true
			}
		}
		return false
	}
	return s != "" && (pattern[0] == '?' || pattern[0] == s[0]) && glob(pattern[1:], s[1:])
}

func (n naive) holds(s map[string]any, action string) bool {
	about := slices.ContainsFunc(naiveList(s["Action"]), func(p string) bool { return glob(strings.ToLower(p), strings.ToLower(action)) })
	if s["NotAction"] != nil {
		about = !slices.ContainsFunc(naiveList(s["NotAction"]), func(p string) bool { return glob(strings.ToLower(p), strings.ToLower(action)) })
	}
	if !about {
		return false
	}
	conditions, _ := s["Condition"].(map[string]any)
	for operator, keys := range conditions {
		for key, values := range keys.(map[string]any) {
			if !n.condition(operator, strings.ToLower(key), naiveList(values)) {
				return false
			}
		}
	}
	return true
}

// condition is the table of docs/aws-facts.md, "Missing condition keys", for every operator.
func (n naive) condition(operator, key string, values []string) bool {
	have, there := n.keys[key]
	if operator == "Null" {
		return slices.Contains(values, strconv.FormatBool(!there))
	}
	base, quantifier := operator, ""
	if before, after, found := strings.Cut(operator, ":"); found {
		quantifier, base = before, after
	}
	base, ifExists := strings.CutSuffix(base, "IfExists")
	positive := strings.NewReplacer("Not", "").Replace(base)
	negated := positive != base
	if !there {
		return ifExists || quantifier == "ForAllValues" || negated && quantifier != "ForAnyValue"
	}
	matches := slices.ContainsFunc(values, func(want string) bool { return naiveMatch(positive, have, n.variables(want)) })
	return matches != negated
}

func (n naive) variables(s string) string {
	return strings.ReplaceAll(s, "${aws:username}", n.user.Name)
}

func naiveMatch(operator, have, want string) bool {
	number := func(s string) float64 {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			panic(err)
		}
		return f
	}
	switch operator {
	case "IpAddress":
		return netip.MustParsePrefix(want).Contains(netip.MustParseAddr(have))
	case "StringEquals":
		return have == want
	case "StringEqualsIgnoreCase":
		return strings.EqualFold(have, want)
	case "StringLike":
		return glob(want, have)
	case "ArnLike", "ArnEquals":
		h, w := strings.Split(have, ":"), strings.Split(want, ":")
		for i := range h {
			if !glob(w[i], h[i]) {
				return false
			}
		}
		return true
	case "Bool":
		return strings.EqualFold(have, want)
	case "NumericLessThan":
		return number(have) < number(want)
	case "NumericLessThanEquals":
		return number(have) <= number(want)
	case "NumericGreaterThan":
		return number(have) > number(want)
	case "NumericGreaterThanEquals":
		return number(have) >= number(want)
	case "NumericEquals":
		return number(have) == number(want)
	default:
		panic(operator)
	}
}

// worlds are what the calls can look like to IAM that a request describes: MFA that was
// not shown is a missing key with long-term keys, and false in a console session.
func worlds(r iam.Request) []naive {
	n := naive{user: r.Principal, role: r.Role, roleAccount: r.RoleAccount, keys: map[string]string{
		"aws:username": r.Principal.Name, "aws:principalarn": r.Principal.ARN("aws"), "aws:principalisawsservice": "false",
	}}
	put := func(key, value string) {
		if value != "" {
			n.keys[key] = value
		}
	}
	put("sts:rolesessionname", r.SessionName)
	put("sts:sourceidentity", r.SourceIdentity)
	put("aws:sourcevpc", r.SourceVPC)
	put("aws:sourcevpce", r.SourceVPCE)
	if r.SourceVPC == "" && r.SourceVPCE == "" && r.SourceIP.IsValid() {
		put("aws:sourceip", r.SourceIP.Unmap().String())
	}
	if r.MFA {
		put("aws:multifactorauthpresent", "true")
		put("aws:multifactorauthage", strconv.Itoa(int(r.MFAAge.Seconds())))
		return []naive{n}
	}
	session := n
	session.keys = map[string]string{"aws:multifactorauthpresent": "false"}
	for k, v := range n.keys {
		session.keys[k] = v
	}
	return []naive{n, session}
}

// TestEvaluateAgreesWithTheLongWay: random documents, with every operator on every key
// that is known, are decided as the naive evaluator does. Where it hangs on MFA, which
// it does in two worlds, Evaluate may say that it cannot tell, and must where they differ.
func TestEvaluateAgreesWithTheLongWay(t *testing.T) {
	said := map[iam.Verdict]int{}
	rapid.Check(t, func(t *rapid.T) {
		r := drawRequest(t)
		r.Partition, r.RoleAccount = "aws", rapid.SampledFrom([]access.AccountID{"111111111111", "222222222222"}).Draw(t, "home")
		trust := drawDocument(t, r, true)
		var identity []string
		for range rapid.IntRange(0, 2).Draw(t, "policies") {
			identity = append(identity, drawDocument(t, r, false))
		}
		got := iam.Evaluate(r, trust, identity)
		said[got.Verdict]++
		possible := map[iam.Verdict]bool{}
		for _, n := range worlds(r) {
			possible[verdictOf(n.decide(trust, identity))] = true
		}
		if got.Verdict == iam.CannotTell && !r.MFA || len(possible) == 1 && possible[got.Verdict] {
			return
		}
		t.Fatalf("%s (%s), the long way gives %v, for %+v\n%s\n%s", got.Verdict, got.Sentence, possible, r, trust, strings.Join(identity, "\n"))
	})
	if said[iam.Allowed] == 0 || said[iam.Denied] == 0 {
		t.Errorf("verdicts %v; the generator misses", said)
	}
}

func drawDocument(t *rapid.T, r iam.Request, trust bool) string {
	arn := r.Principal.ARN("aws")
	role := r.Role.ARN("aws", r.RoleAccount)
	var ss []string
	if rapid.Bool().Draw(t, "open") { // left to chance, few requests would get in
		ss = append(ss, `{"Effect":"Allow",`+opened(trust, arn, role)+`,"Action":"sts:AssumeRole"}`)
	}
	for range rapid.IntRange(1, 4).Draw(t, "statements") {
		s := `{"Effect":"` + rapid.SampledFrom([]string{"Allow", "Allow", "Deny"}).Draw(t, "effect") + `"`
		if trust {
			s += `,"Principal":{"AWS":` + drawValues(t, arn, arn, "*", string(r.Principal.Account), "arn:aws:iam::"+string(r.Principal.Account)+":root", "arn:aws:iam::999999999999:root", arn+"x") + `}`
		} else {
			s += `,"` + rapid.SampledFrom([]string{"Resource", "Resource", "Resource", "NotResource"}).Draw(t, "resource") + `":` + drawValues(t, role, "*", "arn:aws:iam::*:role/*", "arn:aws:iam::"+string(r.RoleAccount)+":role/B?b", role+"x")
		}
		s += `,"` + rapid.SampledFrom([]string{"Action", "Action", "Action", "NotAction"}).Draw(t, "action") + `":` + drawValues(t, "sts:AssumeRole", "STS:assume*", "sts:*", "sts:TagSession", "sts:SetSourceIdentity")
		ss = append(ss, s+drawConditions(t, r)+"}")
	}
	return doc(ss...)
}

// opened says whom a trust policy trusts, or what an identity policy is about.
func opened(trust bool, arn, role string) string {
	if trust {
		return `"Principal":{"AWS":"` + arn + `"}`
	}
	return `"Resource":"` + role + `"`
}

func drawConditions(t *rapid.T, r iam.Request) string {
	var operators []string
	seen := map[string]bool{}
	for range rapid.SampledFrom([]int{0, 0, 1, 1, 2, 3}).Draw(t, "conditions") {
		operator, key, values := drawCondition(t, r)
		if seen[operator] {
			continue
		}
		seen[operator] = true
		operators = append(operators, `"`+operator+`":{"`+key+`":`+drawValues(t, values...)+`}`)
	}
	if len(operators) == 0 {
		return ""
	}
	return `,"Condition":{` + strings.Join(operators, ",") + `}`
}

func drawCondition(t *rapid.T, r iam.Request) (operator, key string, values []string) {
	kinds := []struct{ operators, keys, values []string }{
		{[]string{"IpAddress", "NotIpAddress"}, []string{"aws:SourceIp", "AWS:sourceip"}, accesstest.CIDRs},
		{
			[]string{"StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"},
			[]string{"aws:username", "sts:RoleSessionName", "sts:SourceIdentity", "aws:SourceVpc", "aws:SourceVpce"},
			[]string{"alice", "ALICE", "${aws:username}", "a*", "*", "vpc-11111111", "vpce-2*", "al?ce", "${aws:username}x"},
		},
		{[]string{"ArnLike", "ArnNotLike", "ArnEquals", "ArnNotEquals"}, []string{"aws:PrincipalArn"}, []string{r.Principal.ARN("aws"), "arn:aws:iam::*:user/*", "arn:aws:iam::*:user/ops/*", "arn:*:iam::111111111111:user/alice"}},
		{[]string{"Bool"}, []string{"aws:MultiFactorAuthPresent", "aws:PrincipalIsAWSService"}, []string{"true", "false"}},
		{[]string{"NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals", "NumericEquals", "NumericNotEquals"}, []string{"aws:MultiFactorAuthAge"}, []string{"0", "600", "660", "3600.0", "7200"}},
		{[]string{"Null"}, []string{"aws:SourceIp", "aws:SourceVpc", "sts:SourceIdentity", "aws:MultiFactorAuthAge", "aws:MultiFactorAuthPresent"}, []string{"true", "false"}},
	}
	kind := rapid.SampledFrom(kinds).Draw(t, "kind")
	operator = rapid.SampledFrom(kind.operators).Draw(t, "operator")
	if operator != "Null" {
		operator = rapid.SampledFrom([]string{"", "", "", "ForAnyValue:", "ForAllValues:"}).Draw(t, "quantifier") + operator + rapid.SampledFrom([]string{"", "", "IfExists"}).Draw(t, "if exists")
	}
	return operator, rapid.SampledFrom(kind.keys).Draw(t, "key"), kind.values
}

func drawValues(t *rapid.T, from ...string) string {
	values := rapid.SliceOfNDistinct(rapid.SampledFrom(from), 1, 2, rapid.ID).Draw(t, "values")
	if len(values) == 1 && rapid.Bool().Draw(t, "bare") {
		return strconv.Quote(values[0])
	}
	b, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestForAnyValueOfAMissingKey: a set operator that needs some value of the call finds
// none in a missing key, negated or not.
func TestForAnyValueOfAMissingKey(t *testing.T) {
	r := aliceFrom("203.0.113.7")
	r.Now = time.Time{}
	for condition, want := range map[string]iam.Verdict{
		`{"ForAnyValue:StringNotEquals":{"sts:SourceIdentity":"x"}}`:         iam.Allowed,
		`{"ForAnyValue:StringNotLike":{"aws:SourceVpc":"vpc-*"}}`:            iam.Allowed,
		`{"ForAnyValue:StringNotEqualsIfExists":{"sts:SourceIdentity":"x"}}`: iam.Denied,
		`{"ForAllValues:StringNotEquals":{"sts:SourceIdentity":"x"}}`:        iam.Denied,
		`{"ForAnyValue:StringNotEquals":{"aws:username":"x"}}`:               iam.Denied,
	} {
		if got := iam.Evaluate(r, doc(allowAlice, denyIf(condition)), nil); got.Verdict != want {
			t.Errorf("%s: %s (%s), want %s", condition, got.Verdict, got.Sentence, want)
		}
	}
}
