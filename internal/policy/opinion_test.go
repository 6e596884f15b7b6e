package policy

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access/accesstest"
	"portcullis.internal/portcullis/internal/iam"

	awspolicy "github.com/hashicorp/awspolicyequivalence"
	"pgregory.net/rapid"
)

// TestEqualAgreesWithASecondOpinion holds Equal to the library by which Terraform's AWS
// provider compares policies, on documents of ours that were changed as IAM changes what
// it stores, and as people change what they edit. Where Equal knows more (spelling of
// CIDRs, of actions and of keys) nothing is changed here.
func TestEqualAgreesWithASecondOpinion(t *testing.T) {
	said := map[bool]int{}
	rapid.Check(t, func(t *rapid.T) {
		s := accesstest.DrawState(t)
		c := mustCompiler(t, inputOf(s))
		id := rapid.SampledFrom(accesstest.Accounts).Draw(t, "account").ID
		docs, err := c.Account(id)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range slices.Concat(docs.Roles, docs.Users) {
			one := d.JSON()
			other := asStored(t, one)
			if rapid.Bool().Draw(t, "edited") {
				other = edited(t, other)
			}
			want, err := awspolicy.PoliciesAreEquivalent(one, other)
			if err != nil {
				t.Fatalf("%v\n%s", err, other)
			}
			said[want]++
			if got := iam.Equal(one, other, nil); got != want {
				t.Fatalf("Equal says %t, the second opinion %t of\n%s\n%s", got, want, one, other)
			}
		}
	})
	if said[true] == 0 || said[false] == 0 {
		t.Errorf("%d pairs were equal and %d were not; the generator misses", said[true], said[false])
	}
}

// asStored rewrites a document as IAM gives it back: lists in another order, one value
// for a list of one, accounts as root ARNs or as ids, statements in another order.
func asStored(t *rapid.T, doc string) string {
	return rewritten(t, doc, func(v any) any {
		switch x := v.(type) {
		case []any:
			x = rapid.Permutation(x).Draw(t, "order")
			if len(x) == 1 && rapid.Bool().Draw(t, "bare") {
				return x[0]
			}
			return x
		case string:
			if id, ok := strings.CutSuffix(strings.TrimPrefix(x, "arn:aws:iam::"), ":root"); ok && rapid.Bool().Draw(t, "id") {
				return id
			}
		}
		return v
	})
}

// edited changes one text of a document, or leaves it where it draws none.
func edited(t *rapid.T, doc string) string {
	texts := 0
	rewritten(t, doc, func(v any) any {
		if _, ok := v.(string); ok {
			texts++
		}
		return v
	})
	at := rapid.IntRange(0, texts-1).Draw(t, "text")
	return rewritten(t, doc, func(v any) any {
		x, ok := v.(string)
		if !ok {
			return v
		}
		if at--; at != -1 {
			return v
		}
		switch x {
		case iam.EffectAllow:
			return iam.EffectDeny
		case iam.EffectDeny:
			return iam.EffectAllow
		default:
			return x + "7"
		}
	})
}

// rewritten applies a change to every value of a document, in a fixed order, the inner
// ones first.
func rewritten(t *rapid.T, doc string, change func(any) any) string {
	var v any
	if err := json.Unmarshal([]byte(doc), &v); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(rewrite(v, change))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func rewrite(v any, change func(any) any) any {
	switch x := v.(type) {
	case map[string]any:
		keys := make([]string, 0, len(x))
		for k := range x {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			x[k] = rewrite(x[k], change)
		}
	case []any:
		for i := range x {
			x[i] = rewrite(x[i], change)
		}
	}
	return change(v)
}
