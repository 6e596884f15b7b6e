package authn

import (
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// duties are what somebody has to be able to do at any time, and the role that can.
var duties = []struct {
	role access.Role
	deed string
}{
	{access.RoleApprover, "approve changes"},
	{access.RoleOperator, "apply changes"},
	{access.RoleAdmin, "manage people"},
}

// lostCapabilities names, in sentences, the capabilities that no person would have if was became is.
func lostCapabilities(was, is access.Person, personContext access.PersonContext) []string {
	var lost []string
	if deeds := leftUndone(was, is, personContext.Others); len(deeds) > 0 {
		lost = append(lost, "Nobody could "+strings.Join(deeds, " or ")+" any more: "+was.Name+" is the last who can.")
	}
	before, after := append(slices.Clone(personContext.Others), was), append(slices.Clone(personContext.Others), is)
	for _, r := range personContext.Rules {
		need := access.Need{Need: r.Need}
		if lacks := need.Unmet(after, personContext.Groups); len(lacks) > 0 && len(need.Unmet(before, personContext.Groups)) == 0 {
			lost = append(lost, "No change under the rule "+r.Name+" could be approved any more: it would always lack "+lacks[0].String()+".")
		}
	}
	return lost
}

// leftUndone says what nobody could do any more if a person became what they are to be.
func leftUndone(was, is access.Person, others []access.Person) []string {
	var deeds []string
	for _, d := range duties {
		can := func(p access.Person) bool { return !p.Disabled && slices.Contains(p.Roles, d.role) }
		if can(was) && !can(is) && !slices.ContainsFunc(others, can) {
			deeds = append(deeds, d.deed)
		}
	}
	return deeds
}

// lastOne refuses to lose the last person with a capability, unless the settings allow an override
// and confirm is the e-mail address of the person.
func lastOne(p access.Person, losses []string, mode access.GuardMode, confirm string) error {
	lost := strings.Join(losses, " ")
	if mode == access.GuardRefuse {
		return access.Invalid("roles", "%s Give the place to somebody else first.", lost)
	}
	if access.NormalEmail(confirm) != p.Email {
		return access.Invalid("confirm", "%s To override this guard, confirm with the e-mail address %s.", lost, p.Email)
	}
	return nil
}
