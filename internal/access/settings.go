package access

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Settings are what an organization decides about its own changes. They are part of the
// desired state and are changed only through a reviewed change. The zero value of each
// means its default, which OrDefault fills in.
type Settings struct {
	// ManyAccounts is from how many written accounts on a change counts as dangerous.
	ManyAccounts int `json:"many_accounts,omitempty"`
	// AllowDangerous lets changes be submitted that admit the whole internet or a very
	// large range. They are warned about all the same.
	AllowDangerous bool `json:"allow_dangerous,omitempty"`

	// LargeIPv4 is from how many IPv4 addresses on a user's reach on a role, or an addition to it, is
	// large. LargeIPv6 is the same in IPv6 networks of the length /64.
	LargeIPv4 int64 `json:"large_ipv4,omitempty"`
	LargeIPv6 int64 `json:"large_ipv6,omitempty"`

	// BreakGlassAllowed lets people with the break-glass role apply a change alone.
	BreakGlassAllowed bool `json:"break_glass_allowed,omitempty"`
	// BreakGlassMappings and BreakGlassAllowlists are ids of what must not disappear
	// unnoticed.
	BreakGlassMappings   []string `json:"break_glass_mappings,omitempty"`
	BreakGlassAllowlists []string `json:"break_glass_allowlists,omitempty"`

	// Guards says what becomes of a change that a lock-out guard finds.
	Guards GuardModes `json:"guards,omitzero"`

	// EmergencyMaxLife is the longest life of an emergency entry.
	EmergencyMaxLife time.Duration `json:"emergency_max_life,omitempty"`
	// ExpiryNoticeDays is how many days before its expiry an entry is announced.
	ExpiryNoticeDays int `json:"expiry_notice_days,omitempty"`

	// ApprovalsValidFor is how long after an approval a change can be applied with it.
	ApprovalsValidFor time.Duration `json:"approvals_valid_for,omitempty"`
	// OutsideAccounts are accounts outside the organization whose users mappings may name.
	OutsideAccounts []AccountID `json:"outside_accounts,omitempty"`
	// TokensMayReview and TokensMayApply let API tokens review and apply changes.
	TokensMayReview bool `json:"tokens_may_review,omitempty"`
	TokensMayApply  bool `json:"tokens_may_apply,omitempty"`
	// RollBackWithin is how long after its end one person may roll a rollout back alone. At 0 that is possible only
	// until the rollout has ended.
	RollBackWithin *time.Duration `json:"roll_back_within,omitempty"`
}

// GuardModes says for each lock-out guard what it does.
type GuardModes struct {
	NoAddress     GuardMode `json:"no_address,omitempty"`
	OwnAddress    GuardMode `json:"own_address,omitempty"`
	BreakGlass    GuardMode `json:"break_glass,omitempty"`
	NobodyApplies GuardMode `json:"nobody_applies,omitempty"`
}

// GuardMode is what a guard does with a change.
type GuardMode string

// The modes: refused outright, or until somebody has typed the object's name.
const (
	GuardRefuse  GuardMode = "refuse"
	GuardConfirm GuardMode = "confirm"
)

// The defaults and bounds of settings.
const (
	DefaultManyAccounts     = 100
	DefaultLargeIPv4        = 1 << 22 // as many as in one /10
	DefaultLargeIPv6        = 1 << 36 // as many as in one /28
	DefaultEmergencyMaxLife = 24 * time.Hour
	MaxEmergencyMaxLife     = 30 * 24 * time.Hour
	DefaultExpiryNoticeDays = 7
	MaxExpiryNoticeDays     = 90

	DefaultApprovalsValidFor = 14 * 24 * time.Hour
	MinApprovalsValidFor     = time.Minute
	MaxApprovalsValidFor     = 365 * 24 * time.Hour
	MaxOutsideAccounts       = 100
	DefaultRollBackWithin    = time.Hour
	MaxRollBackWithin        = 24 * time.Hour
)

// OrDefault returns the settings with what is unset at its default.
func (s Settings) OrDefault() Settings {
	s.ManyAccounts = cmp.Or(s.ManyAccounts, DefaultManyAccounts)
	s.LargeIPv4 = cmp.Or(s.LargeIPv4, DefaultLargeIPv4)
	s.LargeIPv6 = cmp.Or(s.LargeIPv6, DefaultLargeIPv6)
	s.EmergencyMaxLife = cmp.Or(s.EmergencyMaxLife, DefaultEmergencyMaxLife)
	s.ExpiryNoticeDays = cmp.Or(s.ExpiryNoticeDays, DefaultExpiryNoticeDays)
	s.ApprovalsValidFor = cmp.Or(s.ApprovalsValidFor, DefaultApprovalsValidFor)
	within := s.MayRollBackWithin()
	s.RollBackWithin = &within
	s.Guards = GuardModes{
		NoAddress:     cmp.Or(s.Guards.NoAddress, GuardConfirm),
		OwnAddress:    cmp.Or(s.Guards.OwnAddress, GuardConfirm),
		BreakGlass:    cmp.Or(s.Guards.BreakGlass, GuardRefuse),
		NobodyApplies: cmp.Or(s.Guards.NobodyApplies, GuardRefuse),
	}
	return s
}

// MayRollBackWithin returns RollBackWithin or its default.
func (s Settings) MayRollBackWithin() time.Duration {
	if s.RollBackWithin == nil {
		return DefaultRollBackWithin
	}
	return *s.RollBackWithin
}

// Mode is what the guard of a code does.
func (s Settings) Mode(code GuardCode) GuardMode {
	modes := s.OrDefault().Guards
	switch code {
	case GuardNoAddress:
		return modes.NoAddress
	case GuardOwnAddress:
		return modes.OwnAddress
	case GuardBreakGlass:
		return modes.BreakGlass
	default:
		return modes.NobodyApplies
	}
}

// Check refuses settings out of bounds.
func (s Settings) Check() error {
	var fields []FieldError
	add := func(field, format string, args ...any) {
		fields = append(fields, FieldError{field, fmt.Sprintf(format, args...)})
	}
	if s.ManyAccounts < 0 {
		add("many_accounts", "the number of accounts is 1 or more")
	}
	if s.LargeIPv4 < 0 {
		add("large_ipv4", "the number of addresses is 1 or more")
	}
	if s.LargeIPv6 < 0 {
		add("large_ipv6", "the number of networks is 1 or more")
	}
	if s.EmergencyMaxLife < 0 || s.EmergencyMaxLife > MaxEmergencyMaxLife {
		add("emergency_max_life", "the life of an emergency entry is at most %d days", int(MaxEmergencyMaxLife.Hours()/24))
	}
	if s.ExpiryNoticeDays < 0 || s.ExpiryNoticeDays > MaxExpiryNoticeDays {
		add("expiry_notice_days", "expiries are announced from 1 to %d days ahead", MaxExpiryNoticeDays)
	}
	if v := s.ApprovalsValidFor; v != 0 && (v < MinApprovalsValidFor || v > MaxApprovalsValidFor) {
		add("approvals_valid_for", "an approval is valid for one minute at least and 365 days at most")
	}
	fields = append(fields, s.checkOutsideAccounts()...)
	if within := s.MayRollBackWithin(); within < 0 || within > MaxRollBackWithin {
		add("roll_back_within", "a rollout can be rolled back alone for at most %d hours after its end; "+
			"0 allows it only until it has ended",
			int(MaxRollBackWithin.Hours()))
	}
	for field, mode := range map[string]GuardMode{
		"guards/no_address": s.Guards.NoAddress, "guards/own_address": s.Guards.OwnAddress,
		"guards/break_glass": s.Guards.BreakGlass, "guards/nobody_applies": s.Guards.NobodyApplies,
	} {
		if !slices.Contains([]GuardMode{"", GuardRefuse, GuardConfirm}, mode) {
			add(field, "a guard refuses or asks to confirm")
		}
	}
	slices.SortFunc(fields, func(a, b FieldError) int { return cmp.Compare(a.Field, b.Field) })
	return InvalidFields(fields)
}

// Equal reports whether two settings mean the same.
func (s Settings) Equal(o Settings) bool {
	s, o = s.OrDefault(), o.OrDefault()
	return s.ManyAccounts == o.ManyAccounts && s.LargeIPv4 == o.LargeIPv4 && s.LargeIPv6 == o.LargeIPv6 &&
		s.AllowDangerous == o.AllowDangerous && s.BreakGlassAllowed == o.BreakGlassAllowed &&
		sameSet(s.BreakGlassMappings, o.BreakGlassMappings) && sameSet(s.BreakGlassAllowlists, o.BreakGlassAllowlists) &&
		s.Guards == o.Guards && s.EmergencyMaxLife == o.EmergencyMaxLife && s.ExpiryNoticeDays == o.ExpiryNoticeDays &&
		s.ApprovalsValidFor == o.ApprovalsValidFor && sameSet(s.OutsideAccounts, o.OutsideAccounts) &&
		s.TokensMayReview == o.TokensMayReview && s.TokensMayApply == o.TokensMayApply &&
		s.MayRollBackWithin() == o.MayRollBackWithin()
}

// checkOutsideAccounts refuses account ids that cannot be any, and too many of them.
func (s Settings) checkOutsideAccounts() []FieldError {
	const field = "outside_accounts"
	var fields []FieldError
	if len(s.OutsideAccounts) > MaxOutsideAccounts {
		fields = append(fields, FieldError{field, fmt.Sprintf(
			"the list has %d accounts; at most %d are possible", len(s.OutsideAccounts), MaxOutsideAccounts)})
	}
	for _, id := range s.OutsideAccounts {
		if !id.Valid() {
			text := fmt.Sprintf("%q is not an account id: give its 12 digits", string(id))
			fields = append(fields, FieldError{field, text})
		}
	}
	return fields
}

// WithheldScopes are the token scopes that the settings do not let API tokens use.
func (s Settings) WithheldScopes() []TokenScope {
	var withheld []TokenScope
	if !s.TokensMayReview {
		withheld = append(withheld, ScopeReview)
	}
	if !s.TokensMayApply {
		withheld = append(withheld, ScopeApply)
	}
	return withheld
}

// SettingChange is one setting before and after a change, in words.
type SettingChange struct {
	Name, Before, After string
}
