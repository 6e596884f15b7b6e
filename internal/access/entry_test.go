package access

import (
	"strings"
	"testing"
	"time"
)

func TestParseEntryAccepts(t *testing.T) {
	for in, want := range map[string]string{
		"103.15.250.0/24":        "103.15.250.0/24",
		" 12.148.72.0/23 ":       "12.148.72.0/23",
		"8.8.8.8":                "8.8.8.8/32",
		"2001:DB8:12::/48":       "2001:db8:12::/48",
		"2a00:1450::1":           "2a00:1450::1/128",
		"0.0.0.0/0":              "0.0.0.0/0", // dangerous, not impossible: the linter's business
		"vpc-0a1b2c3d4e5f60718":  "vpc-0a1b2c3d4e5f60718",
		"vpce-0a1b2c3d":          "vpce-0a1b2c3d",
		"8.0.0.0/5":              "8.0.0.0/5", // holds 10/8, and public ranges too
		"203.0.113.0/24":         "203.0.113.0/24",
		"vpce-0a1b2c3d4e5f60718": "vpce-0a1b2c3d4e5f60718",
	} {
		e, err := ParseEntry(in)
		if err != nil {
			t.Errorf("ParseEntry(%q): %v", in, err)
			continue
		}
		if got := e.Key(); got != want {
			t.Errorf("ParseEntry(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestParseEntryRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"10.0.0.0/8":            "private range",
		"172.16.5.0/24":         "private range",
		"192.168.0.0/16":        "private range",
		"100.64.0.0/10":         "shared range",
		"127.0.0.1":             "loopback",
		"169.254.1.0/24":        "link-local",
		"224.0.0.0/4":           "multicast",
		"255.255.255.255":       "reserved",
		"0.0.0.0":               "unspecified",
		"::/128":                "unspecified",
		"::1":                   "loopback",
		"fd00::/8":              "ULA",
		"fe80::/10":             "link-local",
		"ff02::1":               "multicast",
		"10.1.2.3/16":           "the network is 10.1.0.0/16",
		"2001:db8::1/32":        "host bits",
		"300.1.1.1/24":          "does not exist",
		"::ffff:1.2.3.4/128":    "write it as IPv4 (1.2.3.4/32)",
		"office":                "not an address",
		"010.0.0.1":             "not an address",
		"0x0a.0.0.1":            "not an address",
		"127.1":                 "not an address",
		"1.2.3.0/255.255.255.0": "in place of a netmask",
		"1.2.3.0/33":            "from 0 to 32",
		"2001:db8::/129":        "from 0 to 128",
		"fe80::1%eth0":          "not an address",
		"":                      "is missing",
		"vpc-xyz":               "not a VPC or endpoint id",
		"1.2.3.4/24/8":          "not a CIDR",
		"1.2.3.0/ 24":           "not a CIDR",
		"1.2.3.0/+24":           "not a CIDR",
		"１.2.3.4":               "not an address",
	} {
		e, err := ParseEntry(in)
		if err == nil {
			t.Errorf("ParseEntry(%q) = %s, want a refusal", in, e.Key())
			continue
		}
		if KindOf(err) != KindInvalid || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseEntry(%q): %v, want KindInvalid with %q", in, err, want)
		}
	}
}

func TestParseEntriesReportsEveryWrongLine(t *testing.T) {
	_, err := ParseEntries("8.8.8.0/24 dns\n10.0.0.0/8\n\n# a remark\noffice\n8.8.8.0/24\n")
	var fields []string
	for _, f := range FieldsOf(err) {
		fields = append(fields, f.Field)
	}
	if got, want := strings.Join(fields, " "), "lines/2 lines/5 lines/6"; got != want {
		t.Errorf("fields = %s, want %s (%v)", got, want, err)
	}
}

func TestParseEntriesReadsNotes(t *testing.T) {
	entries, err := ParseEntries("12.148.80.0/22 Tokyo office, 3rd floor\r\n8.8.8.8;dns\n9.9.9.9 # quad nine\n1.1.1.1\tone\nvpc-0a1b2c3d\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"12.148.80.0/22|Tokyo office, 3rd floor", "8.8.8.8/32|dns", "9.9.9.9/32|quad nine", "1.1.1.1/32|one", "vpc-0a1b2c3d|"}
	if len(entries) != len(want) {
		t.Fatalf("%d entries, want %d", len(entries), len(want))
	}
	for i, e := range entries {
		if got := e.Key() + "|" + e.Note; got != want[i] {
			t.Errorf("entry %d = %q, want %q", i, got, want[i])
		}
	}
}

// TestParseEntriesTakesNoNetworkForANote: what is written in another way than as a CIDR,
// or with another entry, would admit one address of many.
func TestParseEntriesTakesNoNetworkForANote(t *testing.T) {
	for _, line := range []string{
		"203.0.113.0 255.255.255.0", "203.0.113.0\t255.255.255.0 office", "203.0.113.0 mask 255.255.255.0", "203.0.113.0 NETMASK 255.255.255.0", "203.0.113.0,255.255.255.0",
		"203.0.113.0 /24", "203.0.113.0 / 24", "203.0.113.0 - 203.0.113.255", "203.0.113.0 – 203.0.113.255", "203.0.113.0 to 203.0.113.255", "203.0.113.0 0.0.0.255",
		"8.8.8.0/24, 9.9.9.0/24", "8.8.8.8 8.8.4.4", "8.8.8.8;2001:4860::/32", "vpc-0a1b2c3d vpce-0a1b2c3d", "8.8.8.8 # 9.9.9.9",
	} {
		if es, err := ParseEntries(line); KindOf(err) != KindInvalid {
			t.Errorf("%q is read as %+v, %v; want a refusal", line, es, err)
		}
	}
	for _, line := range []string{"8.8.8.8 dns - 8.8.4.4 is the other", "8.8.8.8 24/7 support", "8.8.8.8 to be removed", "8.8.8.8 mask", "8.8.8.8 - dns", "8.8.8.8 1.2.3 was the version", "8.8.8.8 /etc"} {
		if _, err := ParseEntries(line); err != nil {
			t.Errorf("%q: %v, want it read with its note", line, err)
		}
	}
}

func TestParseEntriesRefusesNothing(t *testing.T) {
	if _, err := ParseEntries(" \n# only a remark\n"); KindOf(err) != KindInvalid {
		t.Errorf("an empty paste: %v, want KindInvalid", err)
	}
}

func TestExpiry(t *testing.T) {
	at := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	e := Entry{Expires: at}
	if e.ExpiredAt(at.Add(-time.Nanosecond)) || !e.ExpiredAt(at) {
		t.Error("an entry expires at its time, not before and not after")
	}
	if (Entry{}).ExpiredAt(at) {
		t.Error("an entry without an expiry never expires")
	}
}

func TestNotesHoldWhatCanBeShown(t *testing.T) {
	for note, want := range map[string]bool{"plain": true, "two\nlines": true, "a\ttab": true, "a\rb": false, "bell\a": false, "nul\x00": false, "ü 東京": true} {
		e := Entry{Kind: EntryVPC, Endpoint: "vpc-0a1b2c3d", Note: note}
		if err := e.Check(); (err == nil) != want {
			t.Errorf("a note %q: %v, want accepted=%v", note, err, want)
		}
	}
}
