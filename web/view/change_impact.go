package view

import (
	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/policy"
)

// impactInShort is the sum of a change for people, in one line: "2 people lose addresses,
// 1 of them a whole role; 5 people gain some".
func impactInShort(i policy.Impact) string {
	if len(i.Gained)+len(i.Lost) == 0 {
		return ""
	}
	losing, barred := peopleIn(i.Lost)
	gaining, admitted := peopleIn(i.Gained)
	return impactPart("lose", losing, barred) + "; " + impactPart("gain", gaining, admitted)
}

func impactPart(verb string, people, entirely int) string {
	if people == 0 {
		return "nobody " + verb + "s"
	}
	text := Count(people, "person "+verb+"s", "people "+verb) + " addresses"
	if entirely > 0 {
		text += ", " + Number(entirely) + " of them a whole role"
	}
	return text
}

// peopleIn counts the people of a list, and those whose access to a role begins or ends.
func peopleIn(list []policy.Reach) (all, entirely int) {
	known := map[string]bool{}
	for _, r := range list {
		user := r.User.String()
		known[user] = known[user] || r.Entire
	}
	for _, entire := range known {
		if entire {
			entirely++
		}
	}
	return len(known), entirely
}

// conditionLine says in one line for whom a condition on a role changes. No users: for
// everybody who is not mapped.
type conditionLine struct {
	users    []string
	role     string
	accounts []access.AccountID
	text     string
	stricter bool
}

// conditionLines puts people together for whom the same changes.
func conditionLines(list []policy.ConditionChange) []conditionLine {
	var lines []conditionLine
	type key struct {
		role     access.RoleName
		accounts string
		text     string
		stricter bool
		everyone bool
	}
	at := map[key]int{}
	for _, c := range list {
		k := key{role: c.Role, accounts: joinIDs(c.Accounts), text: c.Text, stricter: c.Stricter}
		k.everyone = c.User == access.UserName{}
		i, known := at[k]
		if !known {
			i = len(lines)
			at[k] = i
			lines = append(lines, conditionLine{role: c.Role.String(), accounts: c.Accounts, text: c.Text, stricter: c.Stricter})
		}
		if c.User != (access.UserName{}) {
			lines[i].users = append(lines[i].users, c.User.String())
		}
	}
	return lines
}

func (l conditionLine) subject(shown int) string {
	if len(l.users) == 0 {
		return "On"
	}
	return namesInWords(l.users, shown) + " on"
}
