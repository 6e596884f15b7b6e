package view

import (
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/policy"
)

// reachLine says in one line who gains or loses which networks on which role. People
// who gain or lose the same share a line.
type reachLine struct {
	users     []string
	role      string
	accounts  []access.AccountID
	prefixes  []netip.Prefix // their smallest cover
	endpoints []string
	entire    bool // the role as a whole is gained or lost
	gain      bool
}

func reachLines(list []policy.Reach, gain bool) []reachLine {
	type kin struct { // those that may be alike: a reach may be of thousands of accounts
		role                          access.RoleName
		accounts, prefixes, endpoints int
	}
	var lines []reachLine
	at := map[kin][]int{}
	for _, r := range list {
		k := kin{r.Role, len(r.Accounts), len(r.Prefixes), len(r.Endpoints)}
		same := slices.IndexFunc(at[k], func(i int) bool { return lines[i].says(r) })
		if same < 0 {
			same = len(at[k])
			at[k] = append(at[k], len(lines))
			lines = append(lines, reachLine{
				role: r.Role.String(), accounts: r.Accounts, prefixes: r.Prefixes, endpoints: r.Endpoints, entire: r.Entire, gain: gain,
			})
		}
		line := &lines[at[k][same]]
		line.users = append(line.users, r.User.String())
	}
	return lines
}

// says reports whether a line says of its people what is so of somebody with the same role.
func (l reachLine) says(r policy.Reach) bool {
	return l.entire == r.Entire && slices.Equal(l.accounts, r.Accounts) && slices.Equal(l.prefixes, r.Prefixes) && slices.Equal(l.endpoints, r.Endpoints)
}

// networks lists what is gained or lost.
func (l reachLine) networks() []string {
	texts := make([]string, 0, len(l.prefixes)+len(l.endpoints))
	for _, p := range l.prefixes {
		texts = append(texts, p.String())
	}
	return append(texts, l.endpoints...)
}

// verb is what they do: "gains", "lose".
func (l reachLine) verb() string {
	verb := "lose"
	if l.gain {
		verb = "gain"
	}
	if len(l.users) == 1 {
		verb += "s"
	}
	return verb
}

// who names the people of a line.
func (l reachLine) who(shown int) string { return namesInWords(l.users, shown) }

// namesInWords names people: "alice, bob and carol". Not more than shown of them.
func namesInWords(names []string, shown int) string {
	if more := len(names) - shown; more > 0 {
		return strings.Join(names[:shown], ", ") + " and " + Number(more) + " more"
	}
	if len(names) == 1 {
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// what counts IPv4 and IPv6 apart: beside a /48, a thousand addresses would not show.
func (l reachLine) what() string {
	var parts []string
	if n := addresses(l.prefixes, true); n.Sign() > 0 {
		parts = append(parts, counted(n, "address", "addresses"))
	}
	if n := addresses(l.prefixes, false); n.Sign() > 0 {
		parts = append(parts, counted(n, "IPv6 address", "IPv6 addresses"))
	}
	if n := len(l.endpoints); n > 0 {
		parts = append(parts, Count(n, "VPC or endpoint", "VPCs or endpoints"))
	}
	if len(parts) == 0 {
		return "no address"
	}
	return strings.Join(parts, " and ")
}

// addresses counts the addresses of one family in prefixes that do not overlap.
func addresses(prefixes []netip.Prefix, v4 bool) *big.Int {
	sum := new(big.Int)
	for _, p := range prefixes {
		if p.Addr().Is4() == v4 {
			sum.Add(sum, new(big.Int).Lsh(big.NewInt(1), uint(p.Addr().BitLen()-p.Bits())))
		}
	}
	return sum
}

func counted(n *big.Int, one, many string) string {
	if n.IsInt64() && n.Int64() == 1 {
		return "1 " + one
	}
	return BigNumber(n) + " " + many
}

func accountCount(accounts []access.AccountID) string {
	if len(accounts) == 1 {
		return "account " + string(accounts[0])
	}
	return Count(len(accounts), "account")
}

// listDiff is what becomes of one allowlist.
type listDiff struct {
	id, name string
	created  bool
	removed  bool
	texts    []string // name and description, or how they change
	lines    []entryLine
}

// entryLine is one entry that comes, goes or changes. What says all that belongs to it, or how it changes.
type entryLine struct {
	sign      byte // '+', '-' or '~'
	key       string
	what      []string
	emergency bool
}

func entryLineOf(sign byte, e access.Entry) entryLine {
	line := entryLine{sign: sign, key: e.Key(), emergency: e.Emergency}
	for _, d := range []struct{ name, text string }{
		{"note", e.Note}, {"ticket", e.Ticket}, {"", expiryText(e.Expires)},
	} {
		switch {
		case d.text == "":
		case d.name == "":
			line.what = append(line.what, d.text)
		default:
			line.what = append(line.what, d.name+": "+d.text)
		}
	}
	return line
}

// expiryText is the moment at which an entry expires. It has seconds unless they are zero.
func expiryText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = t.UTC()
	if t.Equal(t.Truncate(time.Minute)) {
		return "expires " + stamp(t)
	}
	return "expires " + t.Format("2 Jan 2006, 15:04:05.999999 UTC")
}

// entryChanges says which of an entry's texts become what.
func entryChanges(before, after access.Entry) []string {
	var said []string
	say := func(name, a, b string) {
		if a != b {
			said = append(said, name+": "+orNone(a)+" → "+orNone(b))
		}
	}
	say("note", before.Note, after.Note)
	say("ticket", before.Ticket, after.Ticket)
	say("expiry", expiryText(before.Expires), expiryText(after.Expires))
	say("emergency", yesNo(before.Emergency), yesNo(after.Emergency))
	return said
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// mappingDiff is what becomes of one mapping, line by line.
type mappingDiff struct {
	title string
	lines []iam.DiffLine
}

// mappingLines writes a mapping as lines, so that two can be compared.
func mappingLines(m access.Mapping, ous *access.OUs) []string {
	m = m.OrDefault()
	lines := []string{"id: " + m.ID, "role: " + m.Role.String()}
	for _, u := range m.Users {
		lines = append(lines, "user: "+u.String())
	}
	lines = append(lines, "accounts: "+ous.DescribeWithIDs(m.Accounts))
	for _, a := range m.Allowlists {
		lines = append(lines, "allowlist: "+a)
	}
	lines = append(lines, "enforcement: "+string(m.Enforcement))
	mfa := "not required"
	if m.RequireMFA {
		mfa = "required"
	}
	if m.MFAMaxAge > 0 {
		mfa += ", at most " + access.DurationText(m.MFAMaxAge) + " old"
	}
	return append(lines, "MFA: "+mfa, "session name: "+string(m.SessionName), "source identity: "+string(m.SourceIdentity))
}

// compareLines is a plain diff: what goes, what comes, what stays, in the order of both.
func compareLines(before, after []string) []iam.DiffLine {
	var out, coming []iam.DiffLine
	i := 0
	meet := func(j int) {
		for ; i < j; i++ {
			out = append(out, iam.DiffLine{Op: '-', Text: before[i]})
		}
		out = append(out, coming...)
		coming = nil
	}
	for _, line := range after {
		j := indexFrom(before, line, i)
		if j < 0 {
			coming = append(coming, iam.DiffLine{Op: '+', Text: line})
			continue
		}
		meet(j)
		out = append(out, iam.DiffLine{Op: ' ', Text: line})
		i = j + 1
	}
	meet(len(before))
	return out
}

func indexFrom(lines []string, line string, from int) int {
	for i := from; i < len(lines); i++ {
		if lines[i] == line {
			return i
		}
	}
	return -1
}
