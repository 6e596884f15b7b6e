package access

import "testing"

func TestParseUserARN(t *testing.T) {
	for arn, want := range map[string]UserName{
		"arn:aws:iam::444455556666:user/ops/dave": {Account: "444455556666", Path: "/ops/", Name: "dave"},
		"arn:aws-cn:iam::444455556666:user/alice": {Account: "444455556666", Path: "/", Name: "alice"},
	} {
		if got, ok := ParseUserARN(arn); !ok || got != want {
			t.Errorf("%s: got %+v, %v; want %+v", arn, got, ok, want)
		}
	}
	for _, arn := range []string{"*", "arn:aws:iam::444455556666:root", "arn:aws:iam::444455556666:role/Bob", "arn:aws:iam::444455556666:user/ops/", "AIDANOBODYNOBODYNOBOD"} {
		if got, ok := ParseUserARN(arn); ok {
			t.Errorf("%s was taken for the user %+v", arn, got)
		}
	}
}
