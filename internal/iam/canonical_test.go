package iam

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const twoUsers = `{"Version":"2012-10-17","Statement":[` +
	`{"Sid":"A","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:user/alice","arn:aws:iam::111122223333:user/bob"]},"Action":"sts:AssumeRole"},` +
	`{"Sid":"B","Effect":"Deny","Principal":{"AWS":"111122223333"},"Action":["sts:AssumeRole"],"Condition":{"NotIpAddress":{"aws:SourceIp":["8.8.8.0/24","2600:1f00::/32"]},"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}]}`

func TestEqual(t *testing.T) {
	ids := map[string]string{"AIDAALICE": "arn:aws:iam::111122223333:user/alice"}
	for name, tc := range map[string]struct {
		b    string
		want bool
	}{
		"itself":                  {twoUsers, true},
		"principals in any order": {replaceOnce(twoUsers, `["arn:aws:iam::111122223333:user/alice","arn:aws:iam::111122223333:user/bob"]`, `["arn:aws:iam::111122223333:user/bob","arn:aws:iam::111122223333:user/alice"]`), true},
		"a unique id":             {replaceOnce(twoUsers, `arn:aws:iam::111122223333:user/alice`, `AIDAALICE`), true},
		"an unknown unique id":    {replaceOnce(twoUsers, `arn:aws:iam::111122223333:user/alice`, `AIDADEAD`), false},
		"one value for a list":    {replaceOnce(twoUsers, `["sts:AssumeRole"]`, `"sts:AssumeRole"`), true},
		"root ARN":                {replaceOnce(twoUsers, `"111122223333"`, `["arn:aws:iam::111122223333:root"]`), true},
		"another account's root":  {replaceOnce(twoUsers, `"111122223333"`, `"arn:aws:iam::444455556666:root"`), false},
		"action's case":           {replaceOnce(twoUsers, `sts:AssumeRole`, `STS:assumerole`), true},
		"effect's case":           {replaceOnce(twoUsers, `"Allow"`, `"allow"`), true},
		"key's case":              {replaceOnce(twoUsers, `aws:SourceIp`, `AWS:sourceIP`), true},
		"host bits":               {replaceOnce(twoUsers, `8.8.8.0/24`, `8.8.8.8/24`), true},
		"IPv6 spelling":           {replaceOnce(twoUsers, `2600:1f00::/32`, `2600:1F00:0:0::/32`), true},
		"bool":                    {replaceOnce(twoUsers, `"false"`, `false`), true},
		"one address less":        {replaceOnce(twoUsers, `8.8.8.0/24`, `8.8.8.0/25`), false},
		"another user":            {replaceOnce(twoUsers, `user/bob`, `user/Bob`), false},
		"another effect":          {replaceOnce(twoUsers, `"Deny"`, `"Allow"`), false},
		"another operator":        {replaceOnce(twoUsers, `NotIpAddress`, `IpAddress`), false},
		"another Sid":             {replaceOnce(twoUsers, `"Sid":"A"`, `"Sid":"C"`), false},
		"another version":         {replaceOnce(twoUsers, `2012`, `2008`), false},
		"one condition less":      {replaceOnce(twoUsers, `,"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}`, ``), false},
		"an unknown element":      {replaceOnce(twoUsers, `"Sid":"A"`, `"Sid":"A","New":1`), false},
		"percent-encoded":         {url.PathEscape(twoUsers), true},
		"query-encoded":           {strings.ReplaceAll(url.QueryEscape(twoUsers), "+", "%20"), true},
		"white space":             {Pretty(twoUsers), true},
		"malformed":               {twoUsers + "}", false},
		"a key twice":             {replaceOnce(twoUsers, `"Sid":"A"`, `"Sid":"A","Sid":"A"`), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Equal(twoUsers, tc.b, ids); got != tc.want {
				t.Errorf("Equal = %v, want %v for\n%s", got, tc.want, tc.b)
			}
			if got := Equal(tc.b, twoUsers, ids); got != tc.want {
				t.Errorf("Equal is not symmetric")
			}
		})
	}
	if !Equal("{", "{", nil) {
		t.Error("malformed documents that are the same byte for byte are equal")
	}
	if Equal(`{"Statement":{"Principal":"*"}}`, `{"Statement":[{"Principal":{"AWS":"*"}}]}`, nil) != true {
		t.Error("both ways to write everyone are the same")
	}
}

// TestShufflingChangesNothing: reordering a document's members, statements and lists as
// IAM does leaves it equal.
func TestShufflingChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, err := parseJSON(twoUsers)
		if err != nil {
			t.Fatal(err)
		}
		b := shuffled(t, v)
		if !Equal(twoUsers, b, nil) {
			t.Fatalf("not equal after shuffling:\n%s", b)
		}
		if !Equal(b, Pretty(b), nil) || Pretty(Pretty(b)) != Pretty(b) {
			t.Fatalf("Pretty changes the meaning, or its own layout, of\n%s", b)
		}
	})
}

func shuffled(t *rapid.T, v value) string {
	switch v.kind {
	case '{':
		var parts []string
		for _, m := range rapid.Permutation(v.members).Draw(t, "members") {
			parts = append(parts, `"`+m.key+`": `+shuffled(t, m.value))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case '[':
		var parts []string
		for _, it := range rapid.Permutation(v.items).Draw(t, "items") {
			parts = append(parts, shuffled(t, it))
		}
		if len(parts) == 1 {
			return parts[0]
		}
		return "[" + strings.Join(parts, ",") + "]"
	default:
		return v.raw
	}
}

func TestPretty(t *testing.T) {
	const in = `{"Statement":[{"Condition":{"NotIpAddress":{"aws:SourceIp":["8.8.8.0/24"]}},"New":{},"Effect":"Deny","Action":"sts:AssumeRole","Sid":"S","Principal":{"AWS":"*"}}],"Id":"i","X":[],"Version":"2012-10-17"}`
	const want = `{
  "Version": "2012-10-17",
  "Id": "i",
  "Statement": [
    {
      "Sid": "S",
      "Effect": "Deny",
      "Principal": {
        "AWS": "*"
      },
      "Action": "sts:AssumeRole",
      "Condition": {
        "NotIpAddress": {
          "aws:SourceIp": [
            "8.8.8.0/24"
          ]
        }
      },
      "New": {}
    }
  ],
  "X": []
}`
	if diff := cmp.Diff(want, Pretty(in)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := Pretty("{broken"); got != "{broken" {
		t.Errorf("Pretty of a malformed document = %q, want it as it is", got)
	}
}

func TestDiffLines(t *testing.T) {
	got := DiffLines(`{"a":"1","b":"2","c":"3"}`, `{"a":"1","b":"x","c":"3"}`)
	want := []DiffLine{{' ', "{"}, {' ', `  "a": "1",`}, {'-', `  "b": "2",`}, {'+', `  "b": "x",`}, {' ', `  "c": "3"`}, {' ', "}"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, l := range DiffLines("", `{"a":1}`) {
		if l.Op != '+' {
			t.Errorf("line %q is %q, want all added", l.Text, l.Op)
		}
	}
	if got := DiffLines("", ""); len(got) != 0 {
		t.Errorf("got %v, want nothing", got)
	}
}

// TestDiffLinesGivesBothSides: what is not added is the text before, what is not removed
// the text after.
func TestDiffLinesGivesBothSides(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func() string {
			return `{"Statement":["` + strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 0, 12).Draw(t, "lines"), `","`) + `"]}`
		}
		a, b := draw(), draw()
		var before, after []string
		for _, l := range DiffLines(a, b) {
			if l.Op != '+' {
				before = append(before, l.Text)
			}
			if l.Op != '-' {
				after = append(after, l.Text)
			}
		}
		if !slices.EqualFunc(before, prettyLines(a), sameLine) || !slices.EqualFunc(after, prettyLines(b), sameLine) {
			t.Fatalf("the diff of %s and %s does not give them back", a, b)
		}
	})
}

func TestSizeLeavesWhiteSpaceOut(t *testing.T) {
	if got := Size("{ \"a\" :\n\t\"é b\"\r}"); got != 10 {
		t.Errorf("Size = %d, want 10", got)
	}
}

// TestPercentEncodingOfAnyBeginning: IAM encodes a document as it was stored, with the
// white space that somebody put before its brace.
func TestPercentEncodingOfAnyBeginning(t *testing.T) {
	for _, before := range []string{"", " ", "\n", "\t", "\r\n", "  \n"} {
		for _, encode := range []func(string) string{url.PathEscape, func(s string) string { return lowerEscapes(url.PathEscape(s)) }} {
			encoded := encode(before + twoUsers)
			if !Equal(encoded, twoUsers, nil) {
				t.Errorf("%q… is not equal to the plain document", encoded[:12])
			}
			if _, err := Foreign(encoded); err != nil {
				t.Errorf("%q… cannot be read: %v", encoded[:12], err)
			}
			if ParsePolicy(encoded).malformed {
				t.Errorf("%q… counts as malformed", encoded[:12])
			}
		}
	}
}

// lowerEscapes writes the digits of percent-encoding in lower case.
func lowerEscapes(s string) string {
	return regexp.MustCompile(`%[0-9A-F]{2}`).ReplaceAllStringFunc(s, strings.ToLower)
}

func TestEqualOfSmallThings(t *testing.T) {
	const statement = `"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::111122223333:role/Bob"}}`
	for name, tc := range map[string]struct {
		a, b string
		want bool
	}{
		"no version is the old one":     {"{" + statement, `{"Version":"2008-10-17",` + statement, true},
		"no version is not the new one": {"{" + statement, `{"Version":"2012-10-17",` + statement, false},
		"a role's case":                 {"{" + statement, "{" + strings.Replace(statement, "role/Bob", "role/bob", 1), false},
		"a value twice":                 {"{" + statement, "{" + strings.Replace(statement, `"sts:AssumeRole"`, `["sts:AssumeRole","sts:AssumeRole"]`, 1), true},
	} {
		if got := Equal(tc.a, tc.b, nil); got != tc.want {
			t.Errorf("%s: equal %t, want %t", name, got, tc.want)
		}
	}
}
