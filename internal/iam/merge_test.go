package iam

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"portcullis.internal/portcullis/internal/access"
)

func oursFor(user string, cidrs ...string) []Statement {
	arn := []string{"arn:aws:iam::111122223333:user/" + user}
	return []Statement{
		{Sid: "PortcullisAllow", Effect: EffectAllow, Principals: arn, Actions: AssumeRole},
		{Sid: "PortcullisDenyNetwork", Effect: EffectDeny, Principals: arn, Actions: AssumeRole, Conditions: []Condition{NewCondition("NotIpAddress", "aws:SourceIp", cidrs...)}},
	}
}

func TestMergeKeepsWhatOthersWrote(t *testing.T) {
	const live = `{
		"Version" : "2008-10-17", "Id": "x",
		"Statement": [
			{"Sid":"Mine","Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole","Comment":{"b":1,"a":[1.50,"<é>"]}},
			{"Sid":"PortcullisOld","Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"},
			{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:root"},"Action":"sts:AssumeRole"},
			{"Sid":"PortcullisOld2","Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"},
			{"Sid":"portcullis","Effect":"Allow","Principal":{"AWS":"AIDADEAD"},"Action":"sts:AssumeRole"}
		],
		"Future": {"z": null, "a": true}
	}`
	merged, note, err := Merge(live, oursFor("alice", "8.8.8.0/24"))
	if err != nil || note != "" {
		t.Fatalf("Merge: note %q, err %v", note, err)
	}
	const want = `{"Version":"2008-10-17","Id":"x","Statement":[` +
		`{"Sid":"Mine","Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole","Comment":{"b":1,"a":[1.50,"<é>"]}},` +
		`{"Sid":"PortcullisAllow","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/alice"},"Action":"sts:AssumeRole"},` +
		`{"Sid":"PortcullisDenyNetwork","Effect":"Deny","Principal":{"AWS":"arn:aws:iam::111122223333:user/alice"},"Action":"sts:AssumeRole","Condition":{"NotIpAddress":{"aws:SourceIp":"8.8.8.0/24"}}},` +
		`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:root"},"Action":"sts:AssumeRole"},` +
		`{"Sid":"portcullis","Effect":"Allow","Principal":{"AWS":"AIDADEAD"},"Action":"sts:AssumeRole"}` +
		`],"Future":{"z":null,"a":true}}`
	if diff := cmp.Diff(want, merged); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	again, _, err := Merge(merged, oursFor("alice", "8.8.8.0/24"))
	if err != nil || again != merged {
		t.Errorf("merging a second time gives\n%s\n(%v), want no change", again, err)
	}
}

func TestMergeEdges(t *testing.T) {
	foreign := `{"Sid":"Mine","Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}`
	for name, tc := range map[string]struct {
		live string
		ours []Statement
		want string
		note bool
	}{
		"no document":              {"", oursFor("a", "8.8.8.8/32")[:1], `{"Version":"2012-10-17","Statement":[{"Sid":"PortcullisAllow","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/a"},"Action":"sts:AssumeRole"}]}`, false},
		"nothing at all":           {"", nil, DocumentJSON(denyAll()), true},
		"a lone statement":         {`{"Version":"2012-10-17","Statement":` + foreign + `}`, nil, `{"Version":"2012-10-17","Statement":[` + foreign + `]}`, false},
		"ours taken away":          {doc(foreign, `{"Sid":"PortcullisAllow","Effect":"Allow"}`), nil, doc(foreign), false},
		"nothing remains":          {doc(`{"Sid":"PortcullisAllow","Effect":"Allow"}`), nil, DocumentJSON(denyAll()), true},
		"percent-encoded":          {"%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D", nil, DocumentJSON(denyAll()), true},
		"without Statement":        {`{"Version":"2012-10-17"}`, nil, DocumentJSON(denyAll()), true},
		"duplicate keys of others": {doc(`{"Sid":"A","Sid":"B","Effect":"Allow"}`), nil, doc(`{"Sid":"A","Sid":"B","Effect":"Allow"}`), false},
	} {
		t.Run(name, func(t *testing.T) {
			got, note, err := Merge(tc.live, tc.ours)
			if err != nil {
				t.Fatal(err)
			}
			if got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			if (note != "") != tc.note {
				t.Errorf("note %q, want one: %v", note, tc.note)
			}
		})
	}
}

func TestMergeRefuses(t *testing.T) {
	for name, live := range map[string]string{
		"not JSON":        `{"Statement":`,
		"no object":       `[]`,
		"Statement twice": `{"Statement":[],"Statement":[]}`,
	} {
		if _, _, err := Merge(live, nil); access.KindOf(err) != access.KindInvalid {
			t.Errorf("%s: %v, want an error of kind invalid", name, err)
		}
	}
}

func TestMergeRaisesTheVersionOnlyWhereItChangesNothing(t *testing.T) {
	named := []Statement{{Sid: "PortcullisDeny", Effect: EffectDeny, Principals: []string{"*"}, Actions: AssumeRole, Conditions: otherSession}}
	plain := strings.Replace(doc(allowRoot), "2012", "2008", 1)
	merged, _, err := Merge(plain, named)
	if err != nil || !strings.HasPrefix(merged, `{"Version":"2012-10-17"`) {
		t.Errorf("Merge = %s, %v; want version 2012-10-17, in which ${aws:username} is a variable", merged, err)
	}
	if merged, _, err = Merge(strings.Replace(plain, `"Version":"2008-10-17",`, "", 1), named); err != nil || !strings.HasPrefix(merged, `{"Version":"2012-10-17"`) {
		t.Errorf("without a version: %s, %v", merged, err)
	}
	withVariable := strings.Replace(doc(denyIf(`{"StringLike":{"aws:userid":"${x}"}}`)), "2012", "2008", 1)
	if _, _, err := Merge(withVariable, named); access.KindOf(err) != access.KindConflict {
		t.Errorf("err %v, want a refusal: the version would change what a statement of others means", err)
	}
	if merged, _, err = Merge(withVariable, oursFor("alice", "8.8.8.8/32")); err != nil || !strings.HasPrefix(merged, `{"Version":"2008-10-17"`) {
		t.Errorf("Merge = %s, %v; want the old version, which our statements do not mind", merged, err)
	}
}

// drawJSON draws any JSON value.
func drawJSON(t *rapid.T, depth int) string {
	switch n := rapid.IntRange(0, 6).Draw(t, "kind"); {
	case n == 0 && depth > 0:
		var parts []string
		for range rapid.IntRange(0, 3).Draw(t, "members") {
			parts = append(parts, drawString(t)+" : "+drawJSON(t, depth-1))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case n == 1 && depth > 0:
		var parts []string
		for range rapid.IntRange(0, 3).Draw(t, "items") {
			parts = append(parts, drawJSON(t, depth-1))
		}
		return "[" + strings.Join(parts, " ,\n") + "]"
	case n == 2:
		return rapid.SampledFrom([]string{"0", "-1.50", "1e3", "true", "false", "null"}).Draw(t, "literal")
	default:
		return drawString(t)
	}
}

func drawString(t *rapid.T) string {
	if rapid.Bool().Draw(t, "escaped") {
		return rapid.SampledFrom([]string{`"\u0041\n"`, `"Sid"`, `"é"`, `"\"\\"`, `"<>&"`, `""`}).Draw(t, "odd")
	}
	b, err := json.Marshal(rapid.String().Draw(t, "string"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestMergeTouchesNothingForeign: whatever others wrote is there after a merge, in the
// same order, character by character save for white space; a second merge changes
// nothing; taking ours away gives the foreign statements back.
func TestMergeTouchesNothingForeign(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var statements, foreign []string
		for range rapid.IntRange(0, 5).Draw(t, "statements") {
			if rapid.Bool().Draw(t, "ours") {
				statements = append(statements, `{"Effect":"Deny", "Sid":"PortcullisX","Odd":`+drawJSON(t, 1)+`}`)
				continue
			}
			s := `{"Sid":"Mine","Odd":` + drawJSON(t, 3) + `}`
			statements, foreign = append(statements, s), append(foreign, s)
		}
		live := `{"Other": ` + drawJSON(t, 2) + `, "Statement":[` + strings.Join(statements, ",") + `]}`
		ours := oursFor("alice", "8.8.8.0/24")
		merged, _, err := Merge(live, ours)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := foreignRaw(t, merged), foreignRaw(t, `{"Statement":[`+strings.Join(foreign, ",")+`]}`); !cmp.Equal(got, want) {
			t.Fatalf("foreign statements after the merge:\n%s\nwant\n%s", got, want)
		}
		wantRewritten(t, live, ours)
		wantRewritten(t, merged, nil)
		wantRewritten(t, merged, oursFor("bob", "9.9.9.0/24"))
		again, _, err := Merge(merged, ours)
		if err != nil || again != merged {
			t.Fatalf("merge is not idempotent:\n%s\n%s (%v)", merged, again, err)
		}
		if len(foreign) == 0 {
			return
		}
		without, _, err := Merge(merged, nil)
		if err != nil || !cmp.Equal(foreignRaw(t, without), foreignRaw(t, merged)) || strings.Contains(without, "PortcullisAllow") {
			t.Fatalf("taking ours away leaves %s (%v)", without, err)
		}
		d, err := readForeign(live)
		if err != nil {
			t.Fatal(err)
		}
		size, err := d.mergedSize(live, ours)
		if err != nil || size != Size(merged) {
			t.Fatalf("size %d, the document that is sent has %d (%v)", size, Size(merged), err)
		}
	})
}

// wantRewritten holds one reading of a document against one for each question.
func wantRewritten(t *rapid.T, live string, ours []Statement) {
	t.Helper()
	var want Rewritten
	var errs [3]error
	want.OursBefore, errs[0] = Ours(live)
	want.Merged, want.Note, errs[1] = Merge(live, ours)
	want.OursAfter, errs[2] = Ours(want.Merged)
	got, err := Rewrite(live, ours)
	if failed := errors.Join(errs[:]...); (err != nil) != (failed != nil) || err == nil && got != want {
		t.Fatalf("Rewrite of %q gives %+v, %v; want %+v, %v", live, got, err, want, failed)
	}
}

func foreignRaw(t *rapid.T, doc string) []string {
	d, err := readDocument(doc)
	if err != nil {
		t.Fatal(err)
	}
	var raw []string
	for _, s := range d.foreign {
		var b strings.Builder
		for _, r := range s.raw {
			b.WriteRune(r)
		}
		raw = append(raw, compacted(b.String()))
	}
	return raw
}

func compacted(raw string) string {
	var out []byte
	inString := false
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if inString && c == '\\' {
			out = append(out, c, raw[i+1])
			i++
			continue
		}
		if c == '"' {
			inString = !inString
		}
		if inString || !strings.ContainsRune(" \t\r\n", rune(c)) {
			out = append(out, c)
		}
	}
	return string(out)
}
