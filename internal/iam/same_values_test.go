package iam_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/judge"
)

// denyWith is a trust policy whose Deny has one condition. The values are JSON.
func denyWith(operator, key, values string) string {
	return `{"Version":"2012-10-17","Statement":{"Sid":"A","Effect":"Deny","Principal":{"AWS":"*"},` +
		`"Action":"sts:AssumeRole","Condition":{"` + operator + `":{"` + key + `":` + values + `}}}}`
}

func TestEqualValues(t *testing.T) {
	t.Parallel()
	const ip, age, now = "aws:SourceIp", "aws:MultiFactorAuthAge", "aws:CurrentTime"
	for _, tc := range []struct {
		operator, key, a, b string
		want                bool
	}{
		{"IpAddress", ip, `"8.8.8.8"`, `"8.8.8.8/32"`, true},
		{"IpAddress", ip, `"2600:1f00::1"`, `"2600:1f00::1/128"`, false},
		{"IpAddress", ip, `"2600:1f00::1"`, `"2600:1f00::/32"`, false},
		{"IpAddress", ip, `["2600:1f00::1","8.8.8.8"]`, `["8.8.8.8/32","2600:1f00::1"]`, true},
		{"NotIpAddress", ip, `["8.8.8.0/24","8.8.9.0/24"]`, `"8.8.8.0/23"`, true},
		{"NotIpAddressIfExists", "AWS:sourceip", `["8.8.8.0/24","8.8.9.0/24"]`, `"8.8.8.0/23"`, true},
		{"NotIpAddress", ip, `["8.8.8.0/24","8.8.8.7"]`, `"8.8.8.0/24"`, true},
		{"NotIpAddress", ip, `["8.8.8.0/24","8.8.10.0/24"]`, `"8.8.8.0/23"`, false},
		{"NotIpAddress", ip, `["8.8.8.0/24","8.8.9.0/24","${a}"]`, `["8.8.8.0/23","${a}"]`, false},
		{"NotIpAddress", ip, `["8.8.8.0/24","8.8.9.0/24","2600::1"]`, `["8.8.8.0/23","2600::1"]`, false},
		{"NotIpAddress", ip, `"::ffff:8.8.8.0/120"`, `"::ffff:8.8.8.1/120"`, false},
		{"ForAllValues:IpAddress", ip, `["8.8.8.0/24","8.8.9.0/24"]`, `"8.8.8.0/23"`, false},
		{"NotIpAddress", "aws:VpcSourceIp", `["8.8.8.0/24","8.8.9.0/24"]`, `"8.8.8.0/23"`, false},
		{"NotIpAddress", "aws:VpcSourceIp", `"8.8.8.1/24"`, `"8.8.8.0/24"`, true},
		{"NotIpAddress", "aws:username", `"8.8.8.1/24"`, `"8.8.8.0/24"`, false},
		{"StringEquals", ip, `"8.8.8.8"`, `"8.8.8.8/32"`, false},
		{"NoIpAddressAtAll", ip, `"8.8.8.8"`, `"8.8.8.8/32"`, false},

		{"NumericEquals", age, `"9007199254740993"`, `"9007199254740992"`, false},
		{"NumericEquals", age, `9007199254740993`, `9007199254740992`, false},
		{"NumericEquals", age, `"1e3"`, `"1000"`, false},
		{"NumericEquals", age, `"0x10"`, `"16"`, false},
		{"NumericEquals", age, `"1_000"`, `"1000"`, false},
		{"NumericEquals", age, `"inf"`, `"Infinity"`, false},
		{"NumericEquals", age, `"nan"`, `"NaN"`, false},
		{"NumericEquals", age, `"060"`, `"60"`, false},
		{"NumericEquals", age, `"+60"`, `"60"`, false},
		{"NumericEquals", age, `"60.0"`, `"60"`, true},
		{"NumericLessThanIfExists", age, `60`, `"60"`, true},
		{"NumericLessThan", age, `"0.100"`, `"0.1"`, true},
		{"NumericLessThan", age, `"600"`, `"6"`, false},
		{"StringEquals", age, `"60.0"`, `"60"`, false},
		{"NumericFoo", age, `"60.0"`, `"60"`, false},

		{"DateLessThan", now, `"2026-11-30T13:00:00+01:00"`, `"2026-11-30T12:00:00Z"`, true},
		{"DateLessThan", now, `"2026-11-30T12:00Z"`, `"2026-11-30T12:00:00.000Z"`, true},
		{"StringEquals", now, `"2026-11-30T13:00:00+01:00"`, `"2026-11-30T12:00:00Z"`, false},
		{"DateLessThan", now, `"2026-11-30"`, `"2026-11-30T00:00:00Z"`, false},
		{"DateLessThan", now, `"2026-11-30T12:00:00"`, `"2026-11-30T12:00:00Z"`, false},
		{"DateLessThan", now, `"2026-11-30T1:00:00Z"`, `"2026-11-30T01:00:00Z"`, false},
		{"DateLessThan", now, `"2026-11-30T12:00:00.0000000001Z"`, `"2026-11-30T12:00:00Z"`, false},
		{"DateLessThan", now, `"2026-11-30T12:00:00,5Z"`, `"2026-11-30T12:00:00.5Z"`, false},
		{"DateLessThan", now, `"1796040000"`, `"1796040000.0"`, false},

		{"StringEquals", "aws:username", `null`, `"null"`, false},
		{"StringEquals", "aws:username", `true`, `"true"`, false},
		{"Bool", "aws:SecureTransport", `true`, `"True"`, true},
		{"Bool", "aws:SecureTransport", `null`, `"null"`, false},
		{"Bool", "aws:SecureTransport", `"Maybe"`, `"maybe"`, false},
		{"Null", ip, `true`, `"true"`, true},
		{"Null", ip, `"True"`, `"true"`, false},
		{"NullFoo", ip, `"TRUE"`, `"true"`, false},

		{"Bool", "aws:SecureTransport", `"\u0024{x}TRUE"`, `"${x}true"`, false},
		{"StringLike", "aws:username", `"\u0024{aws:username}"`, `"${aws:username}"`, true},
		{"StringLike", "aws:username", `"${aws:username}"`, `"${aws:UserName}"`, false},
	} {
		a, b := denyWith(tc.operator, tc.key, tc.a), denyWith(tc.operator, tc.key, tc.b)
		if got := iam.Equal(a, b, nil); got != tc.want {
			t.Errorf("%s on %s: %s and %s are equal: %t, want %t", tc.operator, tc.key, tc.a, tc.b, got, tc.want)
		}
		if got := iam.Equal(b, a, nil); got != tc.want {
			t.Errorf("%s on %s: not symmetric for %s and %s", tc.operator, tc.key, tc.a, tc.b)
		}
	}
}

// TestEqualOutsideOfConditions has what differs in elements that have no operator.
func TestEqualOutsideOfConditions(t *testing.T) {
	t.Parallel()
	const doc = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:Sign",` +
		`"Condition":{"StringEquals":{"aws:k":"x"}}}}`
	for _, tc := range []struct{ name, old, a, b string }{
		{"null as an effect", `"Allow"`, `null`, `"null"`},
		{"two lists of effects", `"Allow"`, `["Allow"]`, `["Deny"]`},
		{"two lists of versions", `"2012-10-17"`, `["2012-10-17"]`, `["2008-10-17"]`},
		{"null as a version", `"2012-10-17"`, `null`, `"null"`},
		{"null as an action", `"kms:Sign"`, `null`, `"null"`},
		{"the Kelvin sign in an action", `kms:Sign`, "\u212ams:Sign", `kms:Sign`},
		{"the Kelvin sign in a key", `aws:k`, "aws:\u212a", `aws:k`},
		{"a long s in a key", `aws:k`, "aw\u017f:k", `aws:k`},
		{"a variable in an action", `kms:Sign`, `kms:${A}`, `kms:${a}`},
	} {
		a, b := strings.Replace(doc, tc.old, tc.a, 1), strings.Replace(doc, tc.old, tc.b, 1)
		if iam.Equal(a, b, nil) {
			t.Errorf("%s: %s and %s are equal", tc.name, a, b)
		}
	}
	twice := denyWith("StringEquals", "aws:username", `"a","AWS:UserName":"b"`)
	canonical, err := iam.Canonical(twice, nil)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := iam.Canonical(canonical, nil); err != nil || again != canonical {
		t.Errorf("the canonical form of a key in two spellings is not stable: %s (%v)", again, err)
	}
}

func TestEqualAccountsAndPartitions(t *testing.T) {
	t.Parallel()
	const root = `"arn:%s:iam::111122223333:root"`
	doc := func(principals ...string) string {
		return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":[` + strings.Join(principals, ",") +
			`]},"Action":"sts:AssumeRole"}}`
	}
	aws, cn := fmt.Sprintf(root, "aws"), fmt.Sprintf(root, "aws-cn")
	const bare, alice, mei, gone = `"111122223333"`, `"arn:aws:iam::111122223333:user/alice"`, `"arn:aws-cn:iam::111122223333:user/mei"`, `"AIDAMEI"`
	inChina := map[string]string{"AIDAMEI": "arn:aws-cn:iam::111122223333:user/mei"}
	for _, tc := range []struct {
		name string
		a, b string
		ids  map[string]string
		want bool
	}{
		{"two partitions", doc(aws), doc(cn), nil, false},
		{"two partitions, and a user", doc(aws, alice), doc(cn, alice), nil, false},
		{"an id, and nothing that names a partition", doc(bare), doc(aws), nil, true},
		{"an id against another partition", doc(bare), doc(cn), nil, false},
		{"an id among users of aws", doc(bare, alice), doc(aws, alice), nil, true},
		{"an id among users of aws against another partition", doc(bare, alice), doc(cn, alice), nil, false},
		{"an id among users of aws-cn", doc(bare, mei), doc(cn, mei), nil, true},
		{"an id among users of aws-cn against aws", doc(bare, mei), doc(aws, mei), nil, false},
		{"an id with ids of aws-cn", doc(bare), doc(cn), inChina, true},
		{"an id with ids of aws-cn against aws", doc(bare), doc(aws), inChina, false},
		{"unique ids of aws-cn", doc(bare, gone), doc(cn, mei), inChina, true},
		{"users of two partitions", doc(bare, alice, mei), doc(aws, alice, mei), nil, false},
	} {
		if got := iam.Equal(tc.a, tc.b, tc.ids); got != tc.want {
			t.Errorf("%s: equal %t, want %t", tc.name, got, tc.want)
		}
		if got := iam.Equal(tc.b, tc.a, tc.ids); got != tc.want {
			t.Errorf("%s: not symmetric", tc.name)
		}
	}
}

// TestOldVersionAndEscapedVariable: a statement of others with an escaped variable would change its meaning with the
// version.
func TestOldVersionAndEscapedVariable(t *testing.T) {
	t.Parallel()
	live := strings.Replace(denyWith("StringLike", "aws:username", `"\u0024{aws:username}"`), "2012", "2008", 1)
	ours := iam.Statement{
		Sid: "PortcullisDeny", Effect: iam.EffectDeny, Principals: []string{"*"}, Actions: iam.AssumeRole,
		Conditions: []iam.Condition{iam.NewCondition("StringNotEquals", "sts:RoleSessionName", "${aws:username}")},
	}
	if merged, _, err := iam.Merge(live, []iam.Statement{ours}); err == nil {
		t.Errorf("the version is raised under a statement of others: %s", merged)
	}
}

// valuesForComparing are conditions with values of which some mean the same.
var valuesForComparing = []struct {
	operators, keys []string
	values          []string
}{
	{
		[]string{"IpAddress", "NotIpAddress", "NotIpAddressIfExists"},
		[]string{"aws:SourceIp", "AWS:sourceip", "aws:VpcSourceIp"},
		[]string{
			"8.8.8.0/24", "8.8.9.0/24", "8.8.8.0/23", "8.8.8.0/25", "8.8.8.128/25", "8.8.8.7/24", "8.8.8.8", "8.8.8.8/32",
			"2600::1", "2600::1/128", "2600::/32", "::ffff:8.8.8.8", "${aws:SourceIp}",
		},
	},
	{
		[]string{"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericGreaterThanEquals"},
		[]string{"aws:MultiFactorAuthAge"},
		[]string{"60", "60.0", "6e1", "060", "0x3c", "9007199254740993", "9007199254740992", "inf", "nan", "-0", "0"},
	},
	{
		[]string{"DateEquals", "DateLessThan", "DateGreaterThanEquals"},
		[]string{"aws:CurrentTime", "aws:EpochTime"},
		[]string{
			"2026-11-30T12:00:00Z", "2026-11-30T13:00:00+01:00", "2026-11-30T12:00Z", "2026-11-30", "1796040000",
			"2026-11-30T12:00:00.000Z", "2026-11-30t12:00:00z",
		},
	},
	{
		[]string{"Bool", "BoolIfExists", "Null", "StringEquals", "StringEqualsIgnoreCase", "StringLike"},
		[]string{"aws:SecureTransport", "aws:username", "aws:UserName", "aws:\u212aey", "aws:key"},
		[]string{"true", "True", "TRUE", "false", "null", "k", "\u212a", "K", "${aws:username}", `\u0024{aws:username}`, "${aws:UserName}"},
	},
}

// TestEqualDocumentsDecideAlike: documents that are equal decide every call alike, in the eyes of an evaluator that
// shares no code with this package.
func TestEqualDocumentsDecideAlike(t *testing.T) {
	t.Parallel()
	equal := 0
	rapid.Check(t, func(t *rapid.T) {
		family := rapid.SampledFrom(valuesForComparing).Draw(t, "family")
		operator := rapid.SampledFrom(family.operators).Draw(t, "operator")
		document := func() string {
			// A small share of the values makes equal documents likely.
			values := rapid.SliceOfN(rapid.SampledFrom(family.values), 1, 2).Draw(t, "values")
			return denyWith(operator, rapid.SampledFrom(family.keys).Draw(t, "key"), `["`+strings.Join(values, `","`)+`"]`)
		}
		a, b := document(), document()
		if !iam.Equal(a, b, nil) {
			return
		}
		if a != b {
			equal++
		}
		one, err := judge.Parse(a, judge.TrustPolicy)
		if err != nil {
			return // an operator that refuses the value
		}
		other, err := judge.Parse(b, judge.TrustPolicy)
		if err != nil {
			t.Fatalf("%v: equal to a document that can be read: %s", err, b)
		}
		for _, keys := range callsForComparing() {
			r := judge.Request{
				Principal: judge.Principal{ARN: "arn:aws:iam::111122223333:user/alice", Account: "111122223333"},
				Action:    "sts:AssumeRole", Resource: "arn:aws:iam::111122223333:role/Bob", Keys: keys,
			}
			was := judge.DecideTrust(r, "111122223333", one, judge.Policies{})
			is := judge.DecideTrust(r, "111122223333", other, judge.Policies{})
			if was.Allowed != is.Allowed || was.Reason != is.Reason {
				t.Fatalf("equal documents decide %v in two ways:\n%s\n%s", keys, a, b)
			}
		}
	})
	if equal == 0 {
		t.Error("no two different documents were equal: nothing was tested")
	}
}

func callsForComparing() []judge.Keys {
	calls := []judge.Keys{{}}
	for key, values := range map[string][]string{
		"aws:sourceip":           {"8.8.8.8", "8.8.8.200", "8.8.9.1", "8.8.10.1", "2600::1", "2600::2", "2601::1"},
		"aws:vpcsourceip":        {"8.8.8.8", "8.8.8.200", "8.8.9.1"},
		"aws:multifactorauthage": {"0", "16", "59", "60", "61", "9007199254740993"},
		"aws:currenttime":        {"2026-11-30T11:59:59Z", "2026-11-30T12:00:00Z", "2026-11-30T13:00:00Z"},
		"aws:epochtime":          {"1796039999", "1796040000"},
		"aws:securetransport":    {"true", "false"},
		"aws:username":           {"alice", "k", "K", "\u212a", "true", "${aws:username}"},
		"aws:key":                {"k", "true"},
		"aws:\u212aey":           {"k", "true"},
	} {
		for _, v := range values {
			calls = append(calls, judge.Keys{key: v})
		}
	}
	return calls
}
