package policy

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// Options are the settings that the compiler and lint follow. The zero value is the
// default of each.
type Options struct {
	// MaxIPv4Bits and MaxIPv6Bits limit the union of one allowlist, and that of all networks of one user
	// on one role: it may hold no more addresses than one prefix of this length. Defaults: 8 and 24.
	MaxIPv4Bits, MaxIPv6Bits int

	// LargeIPv4 addresses and LargeIPv6 networks of the length /64 are warned about. Defaults: 2^22 and 2^36.
	LargeIPv4, LargeIPv6 int64

	// AllowDangerous turns the errors about what is merely dangerous (the whole
	// internet, a union beyond the limit) into warnings.
	AllowDangerous bool

	// RefuseOutside makes it an error if a mapping names a user of an account outside the organization.
	// OutsideAccounts are accounts outside whose users may be named all the same.
	RefuseOutside   bool
	OutsideAccounts []access.AccountID

	// ProtectedRoles are names of roles that no mapping may touch, such as the console's
	// own deployment role. OrganizationAccountAccessRole and the paths that AWS manages
	// are always protected.
	ProtectedRoles []string

	// ExpiringWithin is how long before its expiry an entry is reported. Default: 7 days.
	ExpiringWithin time.Duration

	// ProductionOUs and ProductionTags say which accounts count as production for the
	// advice to require MFA. OUs are ids. Defaults: OUs that are named Prod or Production or are below
	// one of that name, and accounts tagged env=prod or env=production.
	ProductionOUs  []string
	ProductionTags map[string]string
}

func (o Options) withDefaults() Options {
	o.MaxIPv4Bits = cmp.Or(o.MaxIPv4Bits, 8)
	o.MaxIPv6Bits = cmp.Or(o.MaxIPv6Bits, 24)
	o.LargeIPv4 = cmp.Or(o.LargeIPv4, access.DefaultLargeIPv4)
	o.LargeIPv6 = cmp.Or(o.LargeIPv6, access.DefaultLargeIPv6)
	o.ExpiringWithin = cmp.Or(o.ExpiringWithin, 7*24*time.Hour)
	return o
}

// dangerous is the severity of what can work but should not.
func (o Options) dangerous() Severity {
	if o.AllowDangerous {
		return SeverityWarning
	}
	return SeverityError
}

// protectionReason says why a role may not be touched; empty when it may.
func (o Options) protectionReason(r access.RoleName) string {
	switch {
	case strings.HasPrefix(r.Path, "/aws-service-role/"):
		return "it is a service-linked role, whose trust policy only its service may change"
	case strings.HasPrefix(r.Path, "/aws-reserved/"):
		return "it is managed by IAM Identity Center, which would overwrite its trust policy"
	case strings.EqualFold(r.Name, "OrganizationAccountAccessRole"):
		return "it is the organization's way into the account"
	case slices.ContainsFunc(o.ProtectedRoles, func(name string) bool { return strings.EqualFold(name, r.Name) }):
		return "it is protected by the settings; the console itself may depend on it"
	default:
		return ""
	}
}

// production reports whether an account counts as production.
func (o Options) production(a access.Account) bool {
	if len(o.ProductionOUs) == 0 && len(o.ProductionTags) == 0 {
		env := strings.ToLower(a.Tags["env"])
		names, _ := access.SplitOUPath(a.OU) // an account without an OU has no names
		return env == "prod" || env == "production" || slices.ContainsFunc(names, func(name string) bool {
			return strings.EqualFold(name, "prod") || strings.EqualFold(name, "production")
		})
	}
	for _, ou := range o.ProductionOUs {
		if slices.Contains(a.OUIDs, ou) {
			return true
		}
	}
	for k, v := range o.ProductionTags {
		if got, ok := a.Tags[k]; ok && got == v {
			return true
		}
	}
	return false
}
