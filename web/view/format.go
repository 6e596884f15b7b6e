package view

import (
	"math/big"
	"strconv"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// Number writes a count with its thousands apart: 12,345.
func Number[T int | int64](n T) string { return group(strconv.FormatInt(int64(n), 10)) }

// BigNumber writes a large count. From a trillion on it is written as a power of two or
// ten, since nobody reads 30 digits.
func BigNumber(n *big.Int) string {
	if n == nil {
		return "0"
	}
	digits := n.String()
	if len(digits) <= 12 {
		return group(digits)
	}
	if k := n.BitLen() - 1; new(big.Int).Lsh(big.NewInt(1), uint(k)).Cmp(n) == 0 {
		return "2" + superscript(k)
	}
	return digits[:1] + "." + digits[1:3] + " × 10" + superscript(len(digits)-1)
}

// superscript writes an exponent.
func superscript(n int) string {
	return strings.NewReplacer("0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴", "5", "⁵", "6", "⁶", "7", "⁷", "8", "⁸", "9", "⁹").Replace(strconv.Itoa(n))
}

func group(digits string) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return sign + b.String()
}

// Count writes a number with its noun: "1 account", "24 accounts". A plural that is not
// the noun with an s is given as third argument.
func Count(n int, noun string, plural ...string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case len(plural) > 0:
		return Number(n) + " " + plural[0]
	default:
		return Number(n) + " " + noun + "s"
	}
}

// Short is the beginning of a digest.
func Short(digest string) string {
	if len(digest) <= 12 {
		return digest
	}
	return digest[:12]
}

// stamp is a time as the server writes it; the browser turns it into local time.
func stamp(t time.Time) string { return t.UTC().Format(stampLayout) }

const stampLayout = "2 Jan 2006, 15:04 UTC"

func machineTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Duration writes how long something took: "2.4 s", "3 min 20 s", "1 h 4 min".
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + " s"
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + " min " + strconv.Itoa(int(d.Seconds())%60) + " s"
	default:
		return strconv.Itoa(int(d.Hours())) + " h " + strconv.Itoa(int(d.Minutes())%60) + " min"
	}
}

// userNames lists the users of a mapping in their short form.
func userNames(users []access.UserName) []string {
	names := make([]string, len(users))
	for i, u := range users {
		names[i] = u.String()
	}
	return names
}

// percent is a share in whole percent; 0 of 0 is 0.
func percent(part, whole int) int {
	if whole <= 0 {
		return 0
	}
	return part * 100 / whole
}

// entryKind names the kind of an entry for people.
func entryKind(e access.Entry) string {
	switch {
	case e.Kind == access.EntryVPC:
		return "VPC"
	case e.Kind == access.EntryVPCE:
		return "VPC endpoint"
	case e.Prefix.Addr().Is4():
		return "IPv4"
	default:
		return "IPv6"
	}
}

// nextURL and firstURL are the ends of a pager: "" where there is nothing to lead to.
func nextURL(cursor, address string) string {
	if cursor == "" {
		return ""
	}
	return address
}

func firstURL(cursor, address string) string { return nextURL(cursor, address) }
