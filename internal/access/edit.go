package access

// EditOp says what an edit does.
type EditOp string

// The edits. Each touches one allowlist, entry, mapping or review rule, or the settings.
const (
	EditAddAllowlist    EditOp = "allowlist.add"    // Allowlist, with its entries
	EditUpdateAllowlist EditOp = "allowlist.update" // Allowlist: name and description; entries are left alone
	EditRemoveAllowlist EditOp = "allowlist.remove" // ID
	EditAddEntry        EditOp = "entry.add"        // ID of the allowlist, Entry
	EditUpdateEntry     EditOp = "entry.update"     // ID, Entry (found by its key)
	EditRemoveEntry     EditOp = "entry.remove"     // ID, Key
	EditAddMapping      EditOp = "mapping.add"      // Mapping
	EditUpdateMapping   EditOp = "mapping.update"   // Mapping, found by its ID
	EditRemoveMapping   EditOp = "mapping.remove"   // ID
	EditAddRule         EditOp = "rule.add"         // Rule
	EditUpdateRule      EditOp = "rule.update"      // Rule, found by its ID
	EditRemoveRule      EditOp = "rule.remove"      // ID
	EditUpdateSettings  EditOp = "settings.update"  // Settings; ID is SettingsID
)

// Edit is one step from a desired state to the next. Which fields are set depends on
// Op; ID is the id of what is touched.
type Edit struct {
	Op        EditOp      `json:"op"`
	ID        string      `json:"id"`
	Key       string      `json:"key,omitempty"`
	Entry     *Entry      `json:"entry,omitempty"`
	Allowlist *Allowlist  `json:"allowlist,omitempty"`
	Mapping   *Mapping    `json:"mapping,omitempty"`
	Rule      *ReviewRule `json:"rule,omitempty"`
	Settings  *Settings   `json:"settings,omitempty"`
}

// SettingsID stands in the ID of an edit of the settings, of which there are one.
const SettingsID = "settings"

// Object names what the edit touches, for conflict checks: two edits with the same
// object, one of which was applied after the other was composed, conflict.
func (e Edit) Object() string {
	switch e.Op {
	case EditAddEntry, EditUpdateEntry:
		return "entry/" + e.ID + "/" + e.Entry.Key()
	case EditRemoveEntry:
		return "entry/" + e.ID + "/" + e.Key
	case EditAddAllowlist, EditUpdateAllowlist, EditRemoveAllowlist:
		return "allowlist/" + e.ID
	case EditAddRule, EditUpdateRule, EditRemoveRule:
		return "rule/" + e.ID
	case EditUpdateSettings:
		return SettingsID
	default:
		return "mapping/" + e.ID
	}
}
