package authn

import (
	"strings"
	"testing"
)

// cheap keeps tests quick; what is tested does not depend on the costs.
var cheap = HashParams{Memory: 64, Time: 1, Threads: 1}

func TestHashRoundTrip(t *testing.T) {
	h := newHash("correct horse battery", cheap)
	text := h.String()
	if !strings.HasPrefix(text, "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Errorf("hash = %q, want the PHC form of argon2id", text)
	}
	got, err := parseHash(text)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != text {
		t.Errorf("parsed and written again = %q, want %q", got.String(), text)
	}
	for password, want := range map[string]bool{"correct horse battery": true, "correct horse batterz": false, "": false} {
		if got := got.matches(password); got != want {
			t.Errorf("matches(%q) = %v, want %v", password, got, want)
		}
	}
}

func TestHashesOfOnePasswordDiffer(t *testing.T) {
	if a, b := newHash("the same password", cheap).String(), newHash("the same password", cheap).String(); a == b {
		t.Errorf("two hashes are both %q; the salt is not random", a)
	}
}

func TestDecoyMatchesNothing(t *testing.T) {
	d := decoy(cheap)
	if d.params != cheap {
		t.Errorf("costs = %+v, want those of a real hash %+v", d.params, cheap)
	}
	for _, password := range []string{"", "portcullis-demo", "correct horse battery"} {
		if d.matches(password) {
			t.Errorf("the decoy matches %q", password)
		}
	}
}

func TestParseHashRefuses(t *testing.T) {
	good := newHash("correct horse battery", cheap).String()
	for name, text := range map[string]string{
		"empty":            "",
		"bcrypt":           "$2b$12$abcdefghijklmnopqrstuv",
		"argon2i":          strings.Replace(good, "argon2id", "argon2i", 1),
		"another version":  strings.Replace(good, "v=19", "v=16", 1),
		"too much memory":  strings.Replace(good, "m=64", "m=4294967295", 1),
		"no time":          strings.Replace(good, "t=1", "t=0", 1),
		"no threads":       strings.Replace(good, "p=1", "p=0", 1),
		"broken parameter": strings.Replace(good, "m=64", "m=x", 1),
		"cut digest":       good[:len(good)-8],
		"one part less":    good[:strings.LastIndex(good, "$")],
		"not base64":       good[:len(good)-1] + "!",
	} {
		if h, err := parseHash(text); err == nil {
			t.Errorf("%s: parseHash(%q) = %v, want an error", name, text, h)
		}
	}
}

func FuzzParseHash(f *testing.F) {
	f.Add(newHash("correct horse battery", cheap).String())
	f.Add("$argon2id$v=19$m=64,t=1,p=1$$")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parseHash(text)
		if err != nil {
			return
		}
		if h.params.Memory > maxMemory || h.params.Time > maxTime {
			t.Errorf("parseHash(%q) believes costs of %+v", text, h.params)
		}
		again, err := parseHash(h.String())
		if err != nil || again.String() != h.String() {
			t.Errorf("parseHash(%q) does not survive being written: %v", text, err)
		}
	})
}
