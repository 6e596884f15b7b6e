package view

import (
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/iam"
)

func TestNearStatement(t *testing.T) {
	text := iam.Pretty(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"a"},{"Sid":"PortcullisAllow","Effect":"Allow"},{"Sid":"Portcullis","Effect":"Deny","Condition":{"Bool":{"k":"v"}}}]}`)
	for sid, want := range map[string]string{
		"PortcullisAllow": "    {\n      \"Sid\": \"PortcullisAllow\",\n      \"Effect\": \"Allow\"\n    },\n",
		"Portcullis":      "    {\n      \"Sid\": \"Portcullis\",\n      \"Effect\": \"Deny\",\n      \"Condition\": {\n        \"Bool\": {\n          \"k\": \"v\"\n        }\n      }\n    }\n",
		"Elsewhere":       "",
		"":                "",
	} {
		before, got, after := nearStatement(text, sid)
		if got != want {
			t.Errorf("%q: got %q, want %q", sid, got, want)
		}
		if before+got+after != text {
			t.Errorf("%q: the parts are not the whole: %s", sid, strings.Join([]string{before, got, after}, "|"))
		}
	}
}
